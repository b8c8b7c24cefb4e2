/** One ingestion as a process of its own, as Lambda would run it: takes a dataset's id, prints its status and the peak memory. */
import { peakMemory } from '../../shared/runtime/peak-memory.ts';
import { systemClock } from '../../shared/clock.ts';
import { ownClients } from '../../shared/stores/clients.ts';
import { tenantStores } from '../../shared/stores/tenant-stores.ts';
import { ingest } from '../../shared/workflows/ingest.ts';
import { STORE_NAMES, TENANT } from './stores.ts';

const stores = tenantStores(ownClients(), STORE_NAMES, { tenantId: TENANT, clock: systemClock });
const status = await ingest({ dataset: process.argv[2]! }, stores);
// Kilobytes, by getrusage(2).
console.log(JSON.stringify({ status, peak_bytes: peakMemory() }));
