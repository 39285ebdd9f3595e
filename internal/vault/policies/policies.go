// Package policies holds Vault's side of the bargain: one policy per step that logs in, named as the step. Operators
// apply them with `vault policy write`, the local platform applies the very same files.
package policies

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed *.hcl
var files embed.FS

// All returns the policies by step name ("snapshot-vault") with their HCL.
func All() map[string]string {
	names, err := fs.Glob(files, "*.hcl")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	all := make(map[string]string, len(names))
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			panic(err) // embedded
		}
		all[strings.TrimSuffix(name, ".hcl")] = string(text)
	}
	return all
}
