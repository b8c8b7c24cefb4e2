/**
 * The firewall in front of the API, when the setting `waf` is on: a limit per address and the managed rules of AWS. Rules
 * that read bodies only count, because datasets and prompts look like attacks and are larger than the 8 KB they allow.
 */
import type * as apigateway from 'aws-cdk-lib/aws-apigateway';
import * as wafv2 from 'aws-cdk-lib/aws-wafv2';
import { Construct } from 'constructs';

/** Requests of one address in five minutes. */
const REQUESTS_PER_ADDRESS = 30_000;

const BODY_RULES = [
  'SizeRestrictions_BODY',
  'CrossSiteScripting_BODY',
  'GenericLFI_BODY',
  'GenericRFI_BODY',
  'EC2MetaDataSSRF_BODY',
];

export class WebAcl extends Construct {
  constructor(scope: Construct, id: string, stage: apigateway.Stage) {
    super(scope, id);
    const acl = new wafv2.CfnWebACL(this, 'Acl', {
      scope: 'REGIONAL',
      defaultAction: { allow: {} },
      visibilityConfig: visibility('tenon'),
      rules: [
        {
          name: 'requests-per-address',
          priority: 0,
          action: { block: { customResponse: { responseCode: 429 } } },
          statement: { rateBasedStatement: { aggregateKeyType: 'IP', limit: REQUESTS_PER_ADDRESS } },
          visibilityConfig: visibility('requests-per-address'),
        },
        managedRules('AWSManagedRulesCommonRuleSet', 1, BODY_RULES),
        managedRules('AWSManagedRulesKnownBadInputsRuleSet', 2, []),
        managedRules('AWSManagedRulesAmazonIpReputationList', 3, []),
      ],
    });
    new wafv2.CfnWebACLAssociation(this, 'Association', { resourceArn: stage.stageArn, webAclArn: acl.attrArn });
  }
}

function managedRules(name: string, priority: number, counted: readonly string[]): wafv2.CfnWebACL.RuleProperty {
  return {
    name,
    priority,
    overrideAction: { none: {} },
    statement: {
      managedRuleGroupStatement: {
        vendorName: 'AWS',
        name,
        ruleActionOverrides: counted.map((rule) => ({ name: rule, actionToUse: { count: {} } })),
      },
    },
    visibilityConfig: visibility(name),
  };
}

function visibility(metricName: string): wafv2.CfnWebACL.VisibilityConfigProperty {
  return { metricName, cloudWatchMetricsEnabled: true, sampledRequestsEnabled: false };
}
