// Checks each resource's properties against AWS's own specification: names, types, allowed values, required properties.

import { createRequire } from 'node:module';
import { isIntrinsic, isObject } from './template.mjs';

const { loadAwsServiceSpecSync } = createRequire(import.meta.url)('@aws-cdk/aws-service-spec');
const db = loadAwsServiceSpecSync();

export function resourceSpec(type) {
  return db.lookup('resource', 'cloudFormationType', 'equals', type)[0];
}

// SAM passes unknown properties on to the resource that it creates. The specification of SAM's types is older
// than that of the others, so a property is looked up in both.
const madeOf = {
  'AWS::Serverless::Function': 'AWS::Lambda::Function',
  'AWS::Serverless::HttpApi': 'AWS::ApiGatewayV2::Api',
};
const events = {
  SQS: { type: 'SQSEvent', madeOf: 'AWS::Lambda::EventSourceMapping' },
  HttpApi: { type: 'HttpApiEvent' },
};

// checkSchema returns a sentence for each fault.
export function checkSchema(template) {
  const faults = Object.keys(template).filter((key) => !sections.has(key)).map((key) => `${key}: not a section of a template`);
  for (const [id, resource] of Object.entries(template.Resources)) {
    const spec = resourceSpec(resource?.Type);
    if (!spec) {
      faults.push(`Resources.${id}: no resource type ${resource?.Type}`);
      continue;
    }
    const known = { ...handedOn(madeOf[resource.Type]), ...spec.properties };
    checkProperties(`Resources.${id}.Properties`, resource.Properties ?? {}, known, faults);
    for (const key of Object.keys(resource)) {
      if (!resourceKeys.has(key)) faults.push(`Resources.${id}: ${key} is not an attribute of a resource`);
    }
  }
  return faults;
}

const sections = new Set(['AWSTemplateFormatVersion', 'Transform', 'Description', 'Metadata', 'Parameters', 'Mappings', 'Conditions', 'Rules', 'Resources', 'Outputs']);
const resourceKeys = new Set(['Type', 'Properties', 'Metadata', 'DependsOn', 'Condition', 'DeletionPolicy', 'UpdateReplacePolicy']);

// handedOn returns the properties of the resource that SAM makes; SAM checks the required ones itself.
function handedOn(type) {
  const properties = type ? resourceSpec(type).properties : {};
  return Object.fromEntries(Object.entries(properties).map(([name, property]) => [name, { ...property, required: false }]));
}

function checkProperties(path, value, known, faults) {
  if (!isObject(value)) {
    faults.push(`${path}: want a map`);
    return;
  }
  for (const [name, inner] of Object.entries(value)) {
    if (known[name]) checkValue(`${path}.${name}`, inner, known[name].type, faults);
    else faults.push(`${path}.${name}: no such property`);
  }
  for (const [name, property] of Object.entries(known)) {
    if (property.required && !(name in value)) faults.push(`${path}.${name}: missing`);
  }
}

// checkValue checks value against a type of the specification. The result of an intrinsic function is unknown here; the
// values of an If are known.
function checkValue(path, value, type, faults) {
  if (isIntrinsic(value)) {
    for (const choice of (value['Fn::If'] ?? []).slice(1)) checkValue(path, choice, type, faults);
    return;
  }
  const fault = typeFaults[type.type]?.(path, value, type, faults);
  if (fault) faults.push(`${path}: ${fault}, not ${JSON.stringify(value)}`);
  if (type.allowedValues && !type.allowedValues.includes(value)) {
    faults.push(`${path}: want one of ${type.allowedValues.join(', ')}, not ${JSON.stringify(value)}`);
  }
}

// By kind of type: returns the expected type, or checks the parts of the value by itself.
const typeFaults = {
  string: (_, v) => (['string', 'number', 'boolean'].includes(typeof v) ? '' : 'want a string'),
  number: (_, v) => (typeof v === 'number' ? '' : 'want a number'),
  integer: (_, v) => (Number.isInteger(v) ? '' : 'want an integer'),
  boolean: (_, v) => (typeof v === 'boolean' ? '' : 'want true or false'),
  array: (path, v, type, faults) => {
    if (!Array.isArray(v)) return 'want a list';
    v.forEach((element, i) => checkValue(`${path}[${i}]`, element, type.element, faults));
  },
  map: (path, v, type, faults) => {
    if (!isObject(v)) return 'want a map';
    for (const [key, element] of Object.entries(v)) checkValue(`${path}.${key}`, element, type.element, faults);
  },
  union: (path, v, type) => {
    const fits = type.types.some((t) => {
      const inner = [];
      checkValue(path, v, t, inner);
      return inner.length === 0;
    });
    return fits ? '' : 'fits none of the forms allowed';
  },
  ref: (path, v, type, faults) => {
    const definition = db.get('typeDefinition', type.reference.$ref);
    if (definition.name === 'EventSource') checkEvent(path, v, faults);
    else checkProperties(path, v, definition.properties, faults);
  },
};

// checkEvent checks an event source of a function, whose Type says which properties it has.
function checkEvent(path, value, faults) {
  const event = events[value?.Type];
  if (!event) {
    faults.push(`${path}: want an event of type ${Object.keys(events).join(' or ')}, not ${value?.Type}`);
    return;
  }
  const spec = resourceSpec('AWS::Serverless::Function');
  const definition = db.follow('usesType', spec).map((use) => use.entity).find((t) => t.name === event.type);
  const known = { ...handedOn(event.madeOf), ...definition.properties };
  checkProperties(`${path}.Properties`, value.Properties ?? {}, known, faults);
}
