// Reads a SAM template as AWS does: CloudFormation's tags in their long form, Globals merged into the functions.

import { parseDocument } from 'yaml';

// Each short tag with its long form.
const tag = (name, kind, key = `Fn::${name}`) => ({
  tag: `!${name}`,
  collection: kind === 'scalar' ? undefined : kind,
  resolve: (value) => ({ [key]: kind === 'scalar' ? value : value.toJSON() }),
});

const tags = [
  tag('Ref', 'scalar', 'Ref'),
  tag('Condition', 'scalar', 'Condition'),
  tag('Sub', 'scalar'),
  tag('Sub', 'seq'),
  tag('ImportValue', 'scalar'),
  tag('Equals', 'seq'),
  tag('Not', 'seq'),
  tag('And', 'seq'),
  tag('Or', 'seq'),
  tag('If', 'seq'),
  tag('Join', 'seq'),
  tag('FindInMap', 'seq'),
  {
    tag: '!GetAtt',
    resolve: (value) => {
      const dot = value.indexOf('.');
      return { 'Fn::GetAtt': [value.slice(0, dot), value.slice(dot + 1)] };
    },
  },
];

// isIntrinsic tells whether value is a call of an intrinsic function, with a result that is known only after the deployment.
export function isIntrinsic(value) {
  const keys = isObject(value) ? Object.keys(value) : [];
  return keys.length === 1 && (keys[0] === 'Ref' || keys[0] === 'Condition' || keys[0].startsWith('Fn::'));
}

export function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// readTemplate parses text. It throws on invalid YAML, unknown tags and on keys given twice.
export function readTemplate(text) {
  const document = parseDocument(text, { customTags: tags });
  for (const trouble of [...document.errors, ...document.warnings]) throw trouble;
  const template = document.toJS();
  if (!isObject(template) || !isObject(template.Resources)) throw new Error('the template has no Resources');
  return template;
}

// expandGlobals returns a copy of template in which each function has the properties of Globals.Function: maps are
// merged, and the function's own value wins (AWS SAM Developer Guide, Globals section).
export function expandGlobals(template) {
  const copy = structuredClone(template);
  for (const resource of Object.values(copy.Resources)) {
    if (resource?.Type === 'AWS::Serverless::Function') {
      resource.Properties = merge(copy.Globals?.Function ?? {}, resource.Properties ?? {});
    }
  }
  delete copy.Globals;
  return copy;
}

function merge(base, over) {
  if (!isObject(base) || !isObject(over) || isIntrinsic(base) || isIntrinsic(over)) return over;
  const merged = { ...base };
  for (const [key, value] of Object.entries(over)) merged[key] = key in base ? merge(base[key], value) : value;
  return merged;
}
