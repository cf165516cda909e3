// Checks that every reference of a template has a target, and that all parameters and conditions are used.

import { isIntrinsic, isObject } from './template.mjs';
import { resourceSpec } from './schema.mjs';

const pseudo = new Set(['AccountId', 'NoValue', 'NotificationARNs', 'Partition', 'Region', 'StackId', 'StackName', 'URLSuffix'].map((n) => `AWS::${n}`));
const samAttributes = { 'AWS::Serverless::Function': ['Arn'], 'AWS::Serverless::HttpApi': [] };

// checkReferences returns a sentence for each fault.
export function checkReferences(template) {
  const seen = { faults: [], used: new Set(), template };
  for (const section of ['Rules', 'Conditions', 'Resources', 'Outputs']) walk(section, template[section], seen);
  for (const [id, resource] of Object.entries(template.Resources)) {
    if (resource?.Condition) useCondition(`Resources.${id}`, resource.Condition, seen);
    for (const other of [resource?.DependsOn ?? []].flat()) useResource(`Resources.${id}.DependsOn`, other, seen);
  }
  for (const section of ['Parameters', 'Conditions']) {
    for (const name of Object.keys(template[section] ?? {})) {
      if (!seen.used.has(name)) seen.faults.push(`${section}.${name}: nothing uses it`);
    }
  }
  return seen.faults;
}

function walk(path, value, seen) {
  if (isIntrinsic(value)) checkIntrinsic(path, Object.keys(value)[0], Object.values(value)[0], seen);
  if (Array.isArray(value)) value.forEach((element, i) => walk(`${path}[${i}]`, element, seen));
  else if (isObject(value)) for (const [key, inner] of Object.entries(value)) walk(`${path}.${key}`, inner, seen);
}

function checkIntrinsic(path, name, argument, seen) {
  if (name === 'Ref') useName(path, argument, seen);
  else if (name === 'Fn::GetAtt') useAttribute(path, argument[0], argument[1], seen);
  else if (name === 'Fn::If') useCondition(path, argument[0], seen);
  else if (name === 'Condition') useCondition(path, argument, seen);
  else if (name === 'Fn::Sub') checkSub(path, argument, seen);
}

function checkSub(path, argument, seen) {
  const [text, own] = Array.isArray(argument) ? argument : [argument, {}];
  for (const [, name] of text.matchAll(/\$\{([^!}][^}]*)\}/g)) {
    const dot = name.indexOf('.');
    if (name in own) continue;
    if (dot < 0) useName(path, name, seen);
    else useAttribute(path, name.slice(0, dot), name.slice(dot + 1), seen);
  }
}

function useName(path, name, seen) {
  if (pseudo.has(name)) return;
  if (name in (seen.template.Parameters ?? {})) seen.used.add(name);
  else useResource(path, name, seen);
}

function useResource(path, id, seen) {
  if (!(id in seen.template.Resources)) seen.faults.push(`${path}: no parameter or resource ${id}`);
}

function useCondition(path, name, seen) {
  seen.used.add(name);
  if (!(name in (seen.template.Conditions ?? {}))) seen.faults.push(`${path}: no condition ${name}`);
}

function useAttribute(path, id, attribute, seen) {
  const type = seen.template.Resources[id]?.Type;
  if (!type) {
    seen.faults.push(`${path}: no resource ${id}`);
    return;
  }
  const known = samAttributes[type] ?? Object.keys(resourceSpec(type)?.attributes ?? {});
  if (!known.includes(attribute)) seen.faults.push(`${path}: ${type} has no attribute ${attribute}`);
}
