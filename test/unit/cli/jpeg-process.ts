/** Decodes the JPEGs on stdin, a JSON list in base64, as the command line does; what becomes of each goes to stdout. Jest cannot load the decoder, an ES module that assigns to import.meta. */
import { decodeJpeg } from '../../../cli/picture/jpeg.ts';

const files = JSON.parse(Buffer.concat(await Array.fromAsync(process.stdin)).toString()) as string[];
const answers: unknown[] = [];
for (const file of files) {
  const answer = await decodeJpeg(Buffer.from(file, 'base64')).then(
    ({ width, height, rgba }) => ({ width, height, rgba: [...rgba] }),
    (error: unknown) => ({ error: String(error) }),
  );
  answers.push(answer);
}
process.stdout.write(JSON.stringify(answers));
