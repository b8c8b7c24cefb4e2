/** A request header's value, whatever the case of its name. */
import type { APIGatewayProxyEvent } from 'aws-lambda';

/** Of requests that are being answered, the headers under their names in lower case: several are asked for each. */
const lowered = new WeakMap<object, ReadonlyMap<string, string | undefined>>();

export function headerOf({ headers }: Pick<APIGatewayProxyEvent, 'headers'>, name: string): string | undefined {
  const known = lowered.get(headers) ?? new Map(entriesOf(headers));
  lowered.set(headers, known);
  return known.get(name);
}

/** The last first: of names that differ in their case alone, the first counts. */
function entriesOf(headers: APIGatewayProxyEvent['headers']): [string, string | undefined][] {
  return Object.entries(headers)
    .map(([name, value]): [string, string | undefined] => [name.toLowerCase(), value])
    .reverse();
}
