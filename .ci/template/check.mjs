// Checks template.yaml, then a copy of it with each of the errors of seeded.mjs, and expects every error to be found.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkDeployments } from './deployments.mjs';
import { checkReferences } from './references.mjs';
import { checkSchema } from './schema.mjs';
import { expandGlobals, readTemplate } from './template.mjs';
import { seeded } from './seeded.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const rules = readFileSync(join(here, 'rules.guard'), 'utf8');
const page = readFileSync(join(here, '../../docs/deploy.md'), 'utf8');
const system = process.platform === 'darwin' ? 'macos' : 'ubuntu';
const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
const guard = join(here, 'node_modules/@cdklabs/cdk-validator-cfnguard/bin', system, machine, 'cfn-guard');

// faultsOf returns a sentence for each fault of the template in text, each with the check that found it.
function faultsOf(text) {
  let template;
  try {
    template = expandGlobals(readTemplate(text));
  } catch (error) {
    return [`yaml: ${error.message.split('\n')[0]}`];
  }
  return [
    ...checkSchema(template).map((fault) => `schema: ${fault}`),
    ...checkReferences(template).map((fault) => `references: ${fault}`),
    ...checkVisibility(template).map((fault) => `visibility: ${fault}`),
    ...checkRules(template).map((rule) => `guard: ${rule}`),
    ...checkDeployments(template, page).map((fault) => `deployment: ${fault}`),
  ];
}

// checkVisibility: a queue's messages stay hidden for six times the timeout of the function that reads them, so that
// retries under throttling do not deliver them twice (AWS Lambda Developer Guide, Using Lambda with Amazon SQS).
function checkVisibility(template) {
  const faults = [];
  for (const [id, { Properties: fn }] of Object.entries(template.Resources)) {
    for (const event of Object.values(fn?.Events ?? {})) {
      const queue = event.Type === 'SQS' && template.Resources[event.Properties.Queue?.['Fn::GetAtt']?.[0]];
      if (!queue) continue;
      const hidden = queue.Properties?.VisibilityTimeout ?? 30;
      if (!(hidden >= 6 * fn.Timeout)) faults.push(`${id}: its queue hides messages for ${hidden} s, its timeout is ${fn.Timeout} s`);
    }
  }
  return faults;
}

// checkRules returns the names of the rules that cfn-guard says are broken.
function checkRules(template) {
  const run = spawnSync(guard, ['validate', '--payload', '--structured', '--output-format', 'json', '--show-summary', 'none'], {
    input: JSON.stringify({ rules: [rules], data: [JSON.stringify(template)] }),
    encoding: 'utf8',
  });
  if (run.error || ![0, 19].includes(run.status)) {
    throw new Error(`cfn-guard ended with ${run.status}: ${run.error ?? run.stderr}`);
  }
  const [report] = JSON.parse(run.stdout);
  if (report.compliant.length + report.not_compliant.length < rules.match(/^rule /gm).length) {
    throw new Error(`cfn-guard skipped rules: ${report.not_applicable}`);
  }
  return report.not_compliant.map((entry) => entry.Rule.name);
}

function main() {
  const text = readFileSync(process.argv[2], 'utf8');
  const faults = faultsOf(text);
  faults.forEach((fault) => console.error(fault));
  let failed = faults.length > 0 ? 1 : 0;
  console.log(`${process.argv[2]}: ${faults.length} faults`);
  for (const { error, change, found } of seeded) {
    const broken = change(text);
    const first = broken === text ? 'the error could not be seeded' : faultsOf(broken).find((fault) => fault.startsWith(found));
    const ok = first?.startsWith(found);
    console.log(`${ok ? 'caught' : 'MISSED'}  ${error}\n        ${first ?? `nothing that begins with "${found}"`}`);
    if (!ok) failed++;
  }
  console.log(`${seeded.length + 1 - failed} passed, ${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}

main();
