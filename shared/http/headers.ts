/** A request header's value, whatever the case of its name. */
import type { APIGatewayProxyEvent } from 'aws-lambda';

export function headerOf({ headers }: Pick<APIGatewayProxyEvent, 'headers'>, name: string): string | undefined {
  return Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
}
