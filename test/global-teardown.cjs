const { rmSync } = require('node:fs');

module.exports = () => rmSync(process.env.TENON_TESTS, { recursive: true, force: true, maxRetries: 5 });
