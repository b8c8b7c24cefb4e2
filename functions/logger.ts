/** The structured logger of every function. Logs never hold payloads, rows, keys or presigned URLs. */
import { Logger } from '@aws-lambda-powertools/logger';

export const logger = new Logger({ serviceName: 'tenon' });
