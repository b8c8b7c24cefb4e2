/** A survey as a process of its own, so that a crash, a hang or the memory it takes is seen: reader, count, first seed. */
import { peakMemory } from '../../shared/runtime/peak-memory.ts';
import { surveyReader } from './readers.ts';
import type { ReaderName } from './readers.ts';

const [name, count, firstSeed] = process.argv.slice(2);
const survey = await surveyReader(name as ReaderName, Number(count), Number(firstSeed));
// Kilobytes, by getrusage(2).
console.log(JSON.stringify({ ...survey, peak_bytes: peakMemory() }));
