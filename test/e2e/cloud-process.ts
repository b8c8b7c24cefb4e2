/** A local cloud in a process of its own, so that a test can kill it: `cloud-process.ts <data dir>` prints where it listens. */
import { startTenon } from '../../scripts/local.ts';

const [dataDir] = process.argv.slice(2);
if (dataDir === undefined) throw new Error('usage: cloud-process.ts <data dir>');
const { apiUrl, lambdaUrl } = await startTenon({ dataDir });
console.log(JSON.stringify({ apiUrl, lambdaUrl }));
