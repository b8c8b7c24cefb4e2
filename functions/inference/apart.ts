/** What the process runs in which a prediction that may take long is made: bundled beside the function's index.js. */
import { serveApart } from '../../shared/runtime/apart/serve.ts';

void serveApart();
