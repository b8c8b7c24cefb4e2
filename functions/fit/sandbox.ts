/** What the process that lints and tries a tenant's own model runs: bundled beside the function's index.js. */
import { serveSandbox } from '../../shared/runtime/sandbox/serve.ts';

void serveSandbox();
