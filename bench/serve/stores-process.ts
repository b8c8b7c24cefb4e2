/**
 * A local DynamoDB and S3 in a process of their own, as they are away from a function: says {"url", "credentials"} in a line and ends
 * with its stdin.
 */
import { startStoresCloud } from '../../test/conformance/stores/dynamo.ts';

const stores = await startStoresCloud();
const { cloud } = stores;
console.log(JSON.stringify({ url: cloud.url, credentials: cloud.operatorCredentials() }));
process.stdin.resume().once('end', () => void stores.stop().finally(() => process.exit(0)));
