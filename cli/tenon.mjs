#!/usr/bin/env node
// The bin of the package. Node 22.18 and later strip the types of main.ts themselves; before that tsx does (Node 20).
if (!process.features.typescript) {
  const { register } = await import('tsx/esm/api');
  register();
}
await import('./main.ts');
