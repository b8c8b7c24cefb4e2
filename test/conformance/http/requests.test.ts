/** Some requests of every kind to every operation; 20,000 and more: test/slow/requests.test.ts. */
import { fuzzRequests } from '../../fuzz/fuzz-requests.ts';

fuzzRequests({ perOperation: 10, seed: 1 });
