// Package arch holds the import rules of docs/design.md as tests: who may import whom, transitive dependencies
// included, each rule with its reason. It has no code of its own.
package arch
