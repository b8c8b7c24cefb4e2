/** What the ingesting process and the test that starts it agree on. */
export const TENANT = 'acme';
export const STORE_NAMES = { catalog: 'catalog', quotas: 'catalog', bucket: 'data' };
