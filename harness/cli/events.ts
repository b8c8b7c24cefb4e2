/**
 * Sample events by service and kind: the options that change them, and the event itself. Shapes are those of the AWS
 * Lambda developer guide, chapter "Invoking Lambda with events from other AWS services".
 */

export interface EventTemplate {
  readonly describes: string;
  /** Option name -> default. */
  readonly options: Readonly<Record<string, string>>;
  readonly build: (values: Readonly<Record<string, string>>) => object;
}

const REGION = { region: 'us-east-1' };
const ACCOUNT = { 'account-id': '123456789012' };
const SAMPLE_TIME = '1970-01-01T00:00:00.000Z';

function queryOf(text: string): Record<string, string> | null {
  const entries = [...new URLSearchParams(text)];
  return entries.length === 0 ? null : Object.fromEntries(entries);
}

function multi(values: Readonly<Record<string, string>> | null): Record<string, string[]> | null {
  return values && Object.fromEntries(Object.entries(values).map(([name, value]) => [name, [value]]));
}

const identity = {
  cognitoIdentityPoolId: null,
  accountId: null,
  cognitoIdentityId: null,
  caller: null,
  accessKey: null,
  sourceIp: '127.0.0.1',
  cognitoAuthenticationType: null,
  cognitoAuthenticationProvider: null,
  userArn: null,
  userAgent: 'Custom User Agent String',
  user: null,
};

function awsProxy(values: Readonly<Record<string, string>>): object {
  const { body = '', stage = '', method = '', resource = '', path = '', querystringparameters = '' } = values;
  const headers = {
    Accept: 'application/json',
    'Content-Type': 'application/json',
    Host: `1234567890.execute-api.${values.region ?? ''}.amazonaws.com`,
    'User-Agent': 'Custom User Agent String',
  };
  const query = queryOf(querystringparameters);
  return {
    body: Buffer.from(body).toString('base64'),
    resource,
    path,
    httpMethod: method,
    isBase64Encoded: true,
    queryStringParameters: query,
    multiValueQueryStringParameters: multi(query),
    pathParameters: { proxy: path },
    stageVariables: null,
    headers,
    multiValueHeaders: multi(headers),
    requestContext: {
      accountId: values['account-id'],
      resourceId: '123456',
      stage,
      requestId: 'c6af9ac6-7b61-11e6-9a41-93e8deadbeef',
      requestTime: '01/Jan/1970:00:00:00 +0000',
      requestTimeEpoch: 0,
      identity,
      path: `/${stage}${path}`,
      resourcePath: resource,
      httpMethod: method,
      apiId: '1234567890',
      protocol: 'HTTP/1.1',
    },
  };
}

function requestAuthorizer(values: Readonly<Record<string, string>>): object {
  const { stage = '', method = '', resource = '', path = '' } = values;
  const {
    body: _body,
    isBase64Encoded: _flag,
    ...common
  } = awsProxy({ ...values, body: '' }) as Record<string, unknown>;
  return {
    type: 'REQUEST',
    methodArn: `arn:aws:execute-api:${values.region ?? ''}:${values['account-id'] ?? ''}:1234567890/${stage}/${method}${path}`,
    ...common,
    resource,
  };
}

function s3Record(eventName: string): EventTemplate['build'] {
  return (values) => ({
    Records: [
      {
        eventVersion: '2.1',
        eventSource: 'aws:s3',
        awsRegion: values.region,
        eventTime: SAMPLE_TIME,
        eventName,
        userIdentity: { principalId: 'EXAMPLE' },
        requestParameters: { sourceIPAddress: '127.0.0.1' },
        responseElements: { 'x-amz-request-id': 'EXAMPLE123456789', 'x-amz-id-2': 'EXAMPLE123/mnopqrstuvwxyzABCDEFGH' },
        s3: {
          s3SchemaVersion: '1.0',
          configurationId: 'testConfigRule',
          bucket: {
            name: values.bucket,
            ownerIdentity: { principalId: 'EXAMPLE' },
            arn: `arn:${values.partition ?? 'aws'}:s3:::${values.bucket ?? ''}`,
          },
          object: {
            key: encodeURIComponent(values.key ?? '')
              .replaceAll('%2F', '/')
              .replaceAll('%20', '+'),
            ...(eventName === 'ObjectCreated:Put' ? { size: 1024, eTag: '0123456789abcdef0123456789abcdef' } : {}),
            sequencer: '0A1B2C3D4E5F678901',
          },
        },
      },
    ],
  });
}

function snsNotification(values: Readonly<Record<string, string>>): object {
  const topicArn = `arn:aws:sns:${values.region ?? ''}:${values['account-id'] ?? ''}:${values.topic ?? ''}`;
  return {
    Records: [
      {
        EventSource: 'aws:sns',
        EventVersion: '1.0',
        EventSubscriptionArn: `${topicArn}:21be56ed-a058-49f5-8c98-aedd2564c486`,
        Sns: {
          Type: 'Notification',
          MessageId: '95df01b4-ee98-5cb9-9903-4c221d41eb5e',
          TopicArn: topicArn,
          Subject: values.subject,
          Message: values.message,
          Timestamp: SAMPLE_TIME,
          SignatureVersion: '1',
          Signature: 'EXAMPLE',
          SigningCertUrl: 'EXAMPLE',
          UnsubscribeUrl: 'EXAMPLE',
          MessageAttributes: { Test: { Type: 'String', Value: 'TestString' } },
        },
      },
    ],
  };
}

function sqsMessage(values: Readonly<Record<string, string>>): object {
  return {
    Records: [
      {
        messageId: '19dd0b57-b21e-4ac1-bd88-01bbb068cb78',
        receiptHandle: 'MessageReceiptHandle',
        body: values.body,
        attributes: {
          ApproximateReceiveCount: '1',
          SentTimestamp: '1523232000000',
          SenderId: values['account-id'],
          ApproximateFirstReceiveTimestamp: '1523232000001',
        },
        messageAttributes: {},
        md5OfBody: '7b270e59b47ff90a553787216d55d91d',
        eventSource: 'aws:sqs',
        eventSourceARN: `arn:aws:sqs:${values.region ?? ''}:${values['account-id'] ?? ''}:${values['queue-name'] ?? ''}`,
        awsRegion: values.region,
      },
    ],
  };
}

function dynamodbUpdate(values: Readonly<Record<string, string>>): object {
  const streamArn = `arn:aws:dynamodb:${values.region ?? ''}:${values['account-id'] ?? ''}:table/${values['table-name'] ?? ''}/stream/2015-06-27T00:48:05.899`;
  const record = (eventID: string, eventName: string, images: object, sequence: string) => ({
    eventID,
    eventVersion: '1.0',
    dynamodb: {
      Keys: { Id: { N: '101' } },
      ...images,
      StreamViewType: 'NEW_AND_OLD_IMAGES',
      SequenceNumber: sequence,
      SizeBytes: 26,
    },
    awsRegion: values.region,
    eventName,
    eventSourceARN: streamArn,
    eventSource: 'aws:dynamodb',
  });
  const before = { Message: { S: 'New item!' }, Id: { N: '101' } };
  const after = { Message: { S: 'This item has changed' }, Id: { N: '101' } };
  return {
    Records: [
      record('1', 'INSERT', { NewImage: before }, '111'),
      record('2', 'MODIFY', { NewImage: after, OldImage: before }, '222'),
      record('3', 'REMOVE', { OldImage: after }, '333'),
    ],
  };
}

function scheduledEvent(values: Readonly<Record<string, string>>): object {
  return {
    id: 'cdc73f9d-aea9-11e3-9d5a-835b769c0d9c',
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    account: values['account-id'],
    time: '1970-01-01T00:00:00Z',
    region: values.region,
    resources: [
      `arn:aws:events:${values.region ?? ''}:${values['account-id'] ?? ''}:rule/${values['rule-name'] ?? ''}`,
    ],
    detail: {},
  };
}

const REQUEST = {
  body: '{"test":"body"}',
  stage: 'prod',
  method: 'POST',
  resource: '/{proxy+}',
  path: '/path/to/resource',
  querystringparameters: 'foo=bar',
};
const OBJECT = { bucket: 'example-bucket', key: 'test/key', partition: 'aws' };

/** Service -> kind of event. */
export const EVENTS: Readonly<Record<string, Readonly<Record<string, EventTemplate>>>> = {
  apigateway: {
    'aws-proxy': {
      describes: 'a request by a Lambda proxy integration of a REST API',
      options: { ...REQUEST, ...ACCOUNT, ...REGION },
      build: awsProxy,
    },
    'request-authorizer': {
      describes: 'a request to a REQUEST authorizer',
      options: { ...REQUEST, ...ACCOUNT, ...REGION },
      build: requestAuthorizer,
    },
  },
  cloudwatch: {
    'scheduled-event': {
      describes: 'a scheduled event of EventBridge',
      options: { ...ACCOUNT, ...REGION, 'rule-name': 'ExampleRule' },
      build: scheduledEvent,
    },
  },
  dynamodb: {
    update: {
      describes: 'an insert, a change and a removal from a table stream',
      options: { ...ACCOUNT, ...REGION, 'table-name': 'ExampleTable' },
      build: dynamodbUpdate,
    },
  },
  s3: {
    put: {
      describes: 'an object that was put',
      options: { ...REGION, ...OBJECT },
      build: s3Record('ObjectCreated:Put'),
    },
    delete: {
      describes: 'an object that was deleted',
      options: { ...REGION, ...OBJECT },
      build: s3Record('ObjectRemoved:Delete'),
    },
  },
  sns: {
    notification: {
      describes: 'a message of a topic',
      options: { ...ACCOUNT, ...REGION, topic: 'ExampleTopic', subject: 'example subject', message: 'example message' },
      build: snsNotification,
    },
  },
  sqs: {
    'receive-message': {
      describes: 'a message of a queue',
      options: { ...ACCOUNT, ...REGION, 'queue-name': 'MyQueue', body: 'Hello from SQS!' },
      build: sqsMessage,
    },
  },
};
