// swc strips the types (fast); types are checked by `npm run types`. Kinds of tests are folders under test/:
// npm run test:unit, test:conformance, test:infra, test:e2e select them.
export default {
  globalSetup: '<rootDir>/test/global-setup.cjs',
  globalTeardown: '<rootDir>/test/global-teardown.cjs',
  testEnvironment: '<rootDir>/test/node-environment.cjs',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  transform: {
    '^.+\\.[cm]?[jt]s$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'commonjs' } },
    ],
  },
  // Packages that ship ES modules only have to go through the transformer too.
  transformIgnorePatterns: ['/node_modules/(?!(@seriousme|hyparquet|p-limit|yocto-queue)/)'],
  testTimeout: 120_000,
};
