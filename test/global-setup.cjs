// A run's temporary files are in one folder, which ends with the run: tests kill processes, and those tidy nothing up.
const { mkdtempSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

module.exports = () => {
  const folder = mkdtempSync(join(tmpdir(), 'tenon-tests-'));
  // TEMP on Windows.
  Object.assign(process.env, { TMPDIR: folder, TEMP: folder, TENON_TESTS: folder });
};
