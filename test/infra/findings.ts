/**
 * Run by checks.test.ts: builds the app, then asks cdk-nag once more with every acknowledgement ignored, and prints what
 * it finds beside what is acknowledged.
 */
import { Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { app } from '../../infra/app.ts';

const acknowledged = app.node.findAll().flatMap(({ node }) =>
  node.metadata
    .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
    .flatMap(({ data }) => Object.entries(data as Record<string, string>))
    .map(([rule, reason]) => ({ path: node.path, rule: rule.replace(/^.*?::/, ''), reason })),
);

const checks = new AwsSolutionsChecks(app);
Object.assign(checks, { isAcknowledged: () => false });
const findings = checks
  .validateScope(app)
  .violations.flatMap(({ ruleName, violatingResources }) =>
    violatingResources.map(({ constructPath }) => ({ path: constructPath ?? '', rule: ruleName })),
  );

process.stdout.write(JSON.stringify({ acknowledged, findings }));
