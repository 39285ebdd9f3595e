package contract

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/penguinmails/disaster-recovery/"

// source is one package of the repository without its tests, read and not compiled.
type source struct {
	files   []*ast.File
	imports []string // packages of this repository, "internal/vault"
}

var (
	sources   = map[string]source{}
	sourcesMu sync.Mutex
)

// readSource reads the package in a folder, once.
func readSource(t *testing.T, folder string) source {
	t.Helper()
	sourcesMu.Lock()
	defer sourcesMu.Unlock()
	if known, ok := sources[folder]; ok {
		return known
	}
	paths, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var s source
	imports := map[string]bool{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		s.files = append(s.files, file)
		for _, i := range file.Imports {
			imported, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if ours, ok := strings.CutPrefix(imported, module); ok {
				imports[ours] = true
			}
		}
	}
	if len(s.files) == 0 {
		t.Fatalf("%s holds no Go file", folder)
	}
	s.imports = slices.Sorted(maps.Keys(imports))
	sources[folder] = s
	return s
}

// withImports are a package and everything of this repository that it is made of.
func withImports(t *testing.T, folder string) []string {
	t.Helper()
	seen := map[string]bool{}
	for todo := []string{folder}; len(todo) > 0; {
		next := todo[0]
		todo = todo[1:]
		if !seen[next] {
			seen[next] = true
			todo = append(todo, readSource(t, next).imports...)
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// visit walks the package's syntax.
func visit[N ast.Node](s source, do func(N)) {
	for _, file := range s.files {
		ast.Inspect(file, func(n ast.Node) bool {
			if n, ok := n.(N); ok {
				do(n)
			}
			return true
		})
	}
}

// spelled is an expression like vault.Config as it is written, or empty for any other kind of expression.
func spelled(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		if x := spelled(e.X); x != "" {
			return x + "." + e.Sel.Name
		}
	}
	return ""
}

// faultsNamed are the identifiers X of every fault.X in the package: what it can return.
func faultsNamed(s source) []string {
	var found []string
	visit(s, func(n *ast.SelectorExpr) {
		if x, ok := strings.CutPrefix(spelled(n), "fault."); ok {
			found = append(found, x)
		}
	})
	return found
}

// variable is an environment variable that a function's code reads.
type variable struct {
	name     string
	required bool
}

// variables are those of a struct type and of the Config structs that it is made of.
func variables(t *testing.T, s source, typeName string) []variable {
	t.Helper()
	var found []variable
	known := false
	visit(s, func(n *ast.TypeSpec) {
		fields, ok := n.Type.(*ast.StructType)
		if n.Name.Name != typeName || !ok {
			return
		}
		known = true
		for _, field := range fields.Fields.List {
			if field.Tag == nil {
				folder, name, ok := strings.Cut(spelled(field.Type), ".")
				if !ok {
					t.Fatalf("%s: a field has neither an env tag nor a Config type", typeName)
				}
				found = append(found, variables(t, readSource(t, "internal/"+folder), name)...)
				continue
			}
			tag, err := strconv.Unquote(field.Tag.Value)
			if err != nil {
				t.Fatal(err)
			}
			options := strings.Split(reflect.StructTag(tag).Get("env"), ",")
			found = append(found, variable{options[0], slices.Contains(options[1:], "required")})
		}
	})
	if !known {
		t.Fatalf("there is no struct %s", typeName)
	}
	return found
}
