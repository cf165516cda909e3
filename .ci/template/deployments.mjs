// Checks the result of each deployment of docs/deploy.md.

import { isIntrinsic, isObject } from './template.mjs';

const toXRay = 'AWSXRayDaemonWriteAccess';

// The variables of metrics and log records that are lines in the function's log.
const lines = {
  OTEL_METRICS_EXPORTER: undefined,
  OTEL_LOGS_EXPORTER: undefined,
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: undefined,
  OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: undefined,
};

// The expected functions of each section of the page that has a `sam deploy` or begins with parameters. A variable
// that is undefined is not set.
const expected = {
  'X-Ray, by the daemon of Lambda': {
    tracing: 'Active',
    variables: { ...lines, OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: undefined, OTEL_EXPORTER_OTLP_ENDPOINT: undefined },
    layers: 0,
    policies: [toXRay],
  },
  "X-Ray's OTLP endpoint": {
    tracing: 'Active',
    variables: {
      ...lines,
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://xray.eu-central-1.amazonaws.com/v1/traces',
      OTEL_EXPORTER_OTLP_ENDPOINT: undefined,
    },
    layers: 0,
    policies: [toXRay],
  },
  "Metrics and logs at AWS's OTLP endpoints": {
    tracing: 'Active',
    variables: {
      ...lines,
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://xray.eu-central-1.amazonaws.com/v1/traces',
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'https://monitoring.eu-central-1.amazonaws.com/v1/metrics',
      OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: 'https://logs.eu-central-1.amazonaws.com/v1/logs',
      OTEL_EXPORTER_OTLP_ENDPOINT: undefined,
    },
    layers: 0,
    policies: [toXRay, 'arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy'],
  },
  'Any OTLP backend': {
    tracing: 'PassThrough',
    variables: {
      ...lines,
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_LOGS_EXPORTER: 'otlp,lambda',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: undefined,
      OTEL_EXPORTER_OTLP_ENDPOINT: 'https://otlp.example.com',
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=…',
    },
    layers: 0,
    policies: [toXRay],
  },
  'With an external extension': {
    tracing: 'Active',
    variables: { ...lines, OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: undefined },
    layers: 1,
    policies: [toXRay, 'arn:aws:iam::aws:policy/CloudWatchLambdaInsightsExecutionRolePolicy'],
  },
  None: {
    tracing: 'PassThrough',
    variables: { ...lines, OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: undefined },
    layers: 0,
    policies: [toXRay],
  },
};

const pseudo = {
  'AWS::Region': 'eu-central-1',
  'AWS::URLSuffix': 'amazonaws.com',
  'AWS::Partition': 'aws',
  'AWS::AccountId': '123456789012',
  'AWS::StackName': 'epilogue',
};

// checkDeployments returns a sentence for each fault of template, whose Globals are merged.
export function checkDeployments(template, page) {
  const documented = deploymentsOf(page);
  const faults = [];
  for (const title of new Set([...documented.keys(), ...Object.keys(expected)])) {
    if (!documented.has(title)) faults.push(`${title}: docs/deploy.md has no such section with sam deploy`);
    else if (!expected[title]) faults.push(`${title}: no expectation for this section`);
    else faults.push(...checkDeployment(template, documented.get(title), expected[title]).map((fault) => `${title}: ${fault}`));
  }
  if (refusals(template, { Traces: 'otlp' }).length === 0) faults.push('Traces=otlp without OtlpEndpoint: accepted');
  return faults;
}

// deploymentsOf returns, by section of the page, the parameters that its sam deploy overrides, or those at its beginning.
function deploymentsOf(page) {
  const found = new Map();
  for (const section of page.split(/^## /m).slice(1)) {
    const command = section.replaceAll('\\\n', ' ').match(/^sam deploy.*$/m)?.[0];
    const overrides = command ? (command.split('--parameter-overrides')[1] ?? '') : section.match(/\n\n`(\w+=\w+)`/)?.[1];
    if (overrides === undefined) continue;
    const pairs = [...overrides.matchAll(/(\w+)=("[^"]*"|\S+)/g)].map(([, name, value]) => [name, value.replaceAll('"', '')]);
    found.set(section.slice(0, section.indexOf('\n')), Object.fromEntries(pairs));
  }
  return found;
}

function checkDeployment(template, given, want) {
  const refused = refusals(template, given);
  if (refused.length > 0) return refused;
  const world = { template, parameters: { ...defaults(template), ...given } };
  const faults = [];
  for (const [id, resource] of Object.entries(template.Resources)) {
    if (resource.Type !== 'AWS::Serverless::Function') continue;
    const made = resolve(resource.Properties, world);
    if (made.Tracing !== want.tracing) faults.push(`${id}: Tracing is ${made.Tracing}, want ${want.tracing}`);
    for (const [name, value] of Object.entries(want.variables)) {
      const got = made.Environment.Variables[name];
      if (got !== value) faults.push(`${id}: ${name} is ${got}, want ${value}`);
    }
    if ((made.Layers ?? []).length !== want.layers) faults.push(`${id}: ${made.Layers} as layers, want ${want.layers}`);
    if (`${made.Policies}` !== `${want.policies}`) faults.push(`${id}: policies ${made.Policies}, want ${want.policies}`);
  }
  return faults;
}

// refusals returns the reasons for CloudFormation to refuse the parameters.
function refusals(template, given) {
  const out = [];
  for (const [name, value] of Object.entries(given)) {
    const parameter = template.Parameters[name];
    if (!parameter) out.push(`no parameter ${name}`);
    else if (parameter.AllowedValues && !parameter.AllowedValues.map(String).includes(value)) out.push(`${name}=${value} is not allowed`);
    else if (parameter.AllowedPattern && !new RegExp(parameter.AllowedPattern).test(value)) out.push(`${name}=${value}: ${parameter.ConstraintDescription}`);
  }
  const world = { template, parameters: { ...defaults(template), ...given } };
  for (const rule of Object.values(template.Rules ?? {})) {
    if (rule.RuleCondition && !resolve(rule.RuleCondition, world)) continue;
    for (const { Assert, AssertDescription } of rule.Assertions) if (!resolve(Assert, world)) out.push(AssertDescription);
  }
  return out;
}

function defaults(template) {
  return Object.fromEntries(Object.entries(template.Parameters).map(([name, { Default }]) => [name, Default]));
}

// resolve evaluates intrinsic functions; references to resources stay unchanged. AWS::NoValue removes the
// property or element that has it.
function resolve(value, world) {
  if (Array.isArray(value)) return value.map((element) => resolve(element, world)).filter((element) => element !== undefined);
  if (isIntrinsic(value)) return call(Object.keys(value)[0], Object.values(value)[0], world) ?? undefined;
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, resolve(inner, world)]);
  return Object.fromEntries(entries.filter(([, inner]) => inner !== undefined));
}

function call(name, argument, world) {
  const condition = (key) => resolve(world.template.Conditions[key], world);
  switch (name) {
    case 'Ref':
      if (argument === 'AWS::NoValue') return undefined;
      return world.parameters[argument] ?? pseudo[argument] ?? { Ref: argument };
    case 'Condition':
      return condition(argument);
    case 'Fn::If':
      return resolve(argument[condition(argument[0]) ? 1 : 2], world);
    case 'Fn::Equals': {
      const [a, b] = argument.map((side) => resolve(side, world));
      return a === b;
    }
    case 'Fn::Not':
      return !resolve(argument[0], world);
    case 'Fn::And':
      return argument.every((part) => resolve(part, world));
    case 'Fn::Or':
      return argument.some((part) => resolve(part, world));
    case 'Fn::Sub':
      return typeof argument === 'string' ? argument.replaceAll(/\$\{([^!}][^}]*)\}/g, (all, key) => world.parameters[key] ?? pseudo[key] ?? all) : { [name]: argument };
    default:
      return { [name]: argument };
  }
}
