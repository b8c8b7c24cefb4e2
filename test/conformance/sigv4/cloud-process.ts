/** The local AWS as a process of its own, to be killed: prints its URL and the operator's credentials as one line of JSON. */
import { startAwsCloud } from '../../../harness/aws/index.ts';
import { CATALOG_TABLE } from './start-cloud.ts';

const cloud = await startAwsCloud({
  dataDir: process.argv[2]!,
  accountId: '123456789012',
  region: 'eu-central-1',
  roles: [],
  buckets: [{ name: 'data' }],
  tables: [CATALOG_TABLE],
});
console.log(JSON.stringify({ url: cloud.url, port: cloud.port, credentials: cloud.operatorCredentials() }));
