// Common errors in such a template. Each has to be found by its check.

const replace = (from, to) => (text) => text.replace(from, to);

export const seeded = [
  {
    error: 'a key given twice',
    change: replace('    Timeout: 10\n', '    Timeout: 10\n    Timeout: 20\n'),
    found: 'yaml: Map keys must be unique',
  },
  {
    error: 'an unknown tag',
    change: replace('!GetAtt FulfilQueue.Arn', '!GetAttr FulfilQueue.Arn'),
    found: 'yaml: Unresolved tag',
  },
  {
    error: 'a misspelt section',
    change: replace('Outputs:', 'Output:'),
    found: 'schema: Output: not a section',
  },
  {
    error: 'a misspelt property of a function',
    change: replace('MemorySize: 256', 'MemorySizes: 256'),
    found: 'schema: Resources.OrdersFunction.Properties.MemorySizes: no such property',
  },
  {
    error: 'a misspelt property of an event',
    change: replace('FunctionResponseTypes:', 'FunctionResponseType:'),
    found: 'schema: Resources.FulfilFunction.Properties.Events.Queue.Properties.FunctionResponseType: no such property',
  },
  {
    error: 'a misspelt property of a nested type',
    change: replace('LogGroup: !Ref OrdersLogGroup', 'LogGroupName: !Ref OrdersLogGroup'),
    found: 'schema: Resources.OrdersFunction.Properties.LoggingConfig.LogGroupName: no such property',
  },
  {
    error: 'words for a number',
    change: replace('VisibilityTimeout: 60', 'VisibilityTimeout: one minute'),
    found: 'schema: Resources.FulfilQueue.Properties.VisibilityTimeout: want an integer',
  },
  {
    error: 'a scalar for a list',
    change: replace('Architectures: [!Ref Architecture]', 'Architectures: arm64'),
    found: 'schema: Resources.OrdersFunction.Properties.Architectures: want a list',
  },
  {
    error: 'a retention that CloudWatch does not have',
    change: replace('RetentionInDays: !Ref LogRetentionDays', 'RetentionInDays: 15'),
    found: 'schema: Resources.OrdersLogGroup.Properties.RetentionInDays: want one of',
  },
  {
    error: 'an event source without its queue',
    change: replace('            Queue: !GetAtt FulfilQueue.Arn\n', ''),
    found: 'schema: Resources.FulfilFunction.Properties.Events.Queue.Properties.Queue: missing',
  },
  {
    error: 'a resource type that is not there',
    change: replace('AWS::Serverless::HttpApi', 'AWS::Serverless::HttpAPI'),
    found: 'schema: Resources.HttpApi: no resource type',
  },
  {
    error: 'a Ref to nothing',
    change: replace('!Ref OrdersLogGroup', '!Ref OrderLogGroup'),
    found: 'references: Resources.OrdersFunction.Properties.LoggingConfig.LogGroup: no parameter or resource OrderLogGroup',
  },
  {
    error: 'an attribute that a queue has not',
    change: replace('!GetAtt FulfilDeadLetterQueue.Arn', '!GetAtt FulfilDeadLetterQueue.ARN'),
    found: 'references: Resources.FulfilQueue.Properties.RedrivePolicy.deadLetterTargetArn: AWS::SQS::Queue has no attribute ARN',
  },
  {
    error: 'a condition that is not there',
    change: replace('!If [HasPricesUrl,', '!If [HasPriceUrl,'),
    found: 'references: Resources.OrdersFunction.Properties.Environment.Variables.PRICES_URL: no condition HasPriceUrl',
  },
  {
    error: 'an output of nothing',
    change: replace('--queue-url ${FulfilQueue}', '--queue-url ${Queue}'),
    found: 'references: Outputs.SendMessage.Value: no parameter or resource Queue',
  },
  {
    error: 'a parameter that nothing uses',
    change: replace('Architectures: [!Ref Architecture]', 'Architectures: [arm64]'),
    found: 'references: Parameters.Architecture: nothing uses it',
  },
  {
    error: 'a queue that shows a message again too soon',
    change: replace('VisibilityTimeout: 60', 'VisibilityTimeout: 30'),
    found: 'visibility: FulfilFunction',
  },
  {
    error: 'an old runtime',
    change: replace('provided.al2023', 'provided.al2'),
    found: 'guard: functions_run_a_bootstrap',
  },
  {
    error: "sam's own builder",
    change: replace('    Metadata:\n      BuildMethod: makefile\n', ''),
    found: 'guard: functions_run_a_bootstrap',
  },
  {
    error: 'x86_64 by default',
    change: replace('Default: arm64', 'Default: x86_64'),
    found: 'guard: architecture_is_a_parameter',
  },
  {
    error: 'tracing left to chance',
    change: replace('Tracing: !If [ToXRay, Active, PassThrough]', 'Tracing: PassThrough'),
    found: 'guard: functions_are_traced',
  },
  {
    error: 'Insights without its policy',
    change: (text) => text.replaceAll(/        - !If \[HasInsights.*\n/g, ''),
    found: 'guard: insights_may_write',
  },
  {
    error: 'spans for the daemon sent to an endpoint',
    change: replace('!If [ToOtlp, !Ref OtlpEndpoint,', '!If [ToXRay, !Ref OtlpEndpoint,'),
    found: 'guard: functions_know_where_telemetry_goes',
  },
  {
    error: 'an endpoint of X-Ray that is not',
    change: replace('https://xray.${AWS::Region}', 'https://x-ray.${AWS::Region}'),
    found: "deployment: X-Ray's OTLP endpoint: OrdersFunction: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
  },
  {
    error: 'a function that may not send to X-Ray',
    change: (text) => text.replaceAll(/        - AWSXRayDaemonWriteAccess.*\n/g, ''),
    found: "deployment: X-Ray's OTLP endpoint: OrdersFunction: policies",
  },
  {
    error: 'spans that go somewhere though they are to go nowhere',
    change: replace('!If [ToNowhere, none, otlp]', 'otlp'),
    found: 'deployment: None: OrdersFunction: OTEL_TRACES_EXPORTER is otlp, want none',
  },
  {
    error: 'an OTLP backend without an endpoint',
    change: replace(/Rules:\n(  .*\n)+/, ''),
    found: 'deployment: Traces=otlp without OtlpEndpoint: accepted',
  },
  {
    error: 'headers shown to everybody',
    change: replace('    NoEcho: true\n', ''),
    found: 'guard: secrets_are_not_echoed',
  },
  {
    error: 'logs kept forever',
    change: replace('      RetentionInDays: !Ref LogRetentionDays\n', ''),
    found: 'guard: logs_are_kept_for_a_time',
  },
  {
    error: 'no partial batch responses',
    change: replace('            FunctionResponseTypes: [ReportBatchItemFailures]\n', ''),
    found: 'guard: fulfil_is_behind_a_queue',
  },
  {
    error: 'no dead-letter queue',
    change: replace(/      RedrivePolicy:\n.*\n.*\n/, ''),
    found: 'guard: failed_messages_are_kept',
  },
  {
    error: 'the old payload format',
    change: replace('PayloadFormatVersion: "2.0"', 'PayloadFormatVersion: "1.0"'),
    found: 'guard: orders_is_behind_an_http_api',
  },
  {
    error: 'a queue in the clear',
    change: replace('      SqsManagedSseEnabled: true\n', ''),
    found: 'guard: queues_are_encrypted',
  },
];
