package layout_test

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What a package keeps between calls belongs to a value that somebody made and
// handed on, never to the package. Found are package-level variables that are
// declared without a value, since they can only be meant to change (an array may
// be a table of zeros), and ones that a later line assigns to. In wire, which is pure, `go` statements and
// clock readings are found too.

func TestCodeKeepsItsHabits(t *testing.T) {
	files := 0
	for _, p := range list(t, "./...") {
		fset := token.NewFileSet()
		var parsed []*ast.File
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			parsed = append(parsed, f)
		}
		files += len(parsed)
		for _, finding := range checkFiles(fset, parsed, under(p.folder(), "wire")) {
			t.Error(finding)
		}
	}
	if files == 0 {
		t.Fatal("no file was read")
	}
}

func checkFiles(fset *token.FileSet, files []*ast.File, pure bool) []string {
	uses := resolve(fset, files)
	found := map[token.Pos]string{}
	for _, f := range files {
		findValueless(f, found)
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, left := range n.Lhs {
					findAssigned(left, uses, found)
				}
			case *ast.IncDecStmt:
				findAssigned(n.X, uses, found)
			case *ast.GoStmt:
				if pure {
					found[n.Pos()] = "a goroutine in wire, which is pure: let the caller start one"
				}
			case *ast.SelectorExpr:
				if pure && clockReadings[importedName(n, uses)] {
					found[n.Pos()] = "time." + n.Sel.Name + " in wire, which is pure: take the time as an argument"
				}
			}
			return true
		})
	}
	var findings []string
	for _, pos := range slices.SortedFunc(maps.Keys(found), cmp.Compare) {
		findings = append(findings, fmt.Sprintf("%s: %s", fset.Position(pos), found[pos]))
	}
	return findings
}

// clockReadings are the functions of package time that read or wait for the clock.
var clockReadings = map[string]bool{
	"time.Now": true, "time.Since": true, "time.Until": true, "time.Sleep": true, "time.After": true,
	"time.AfterFunc": true, "time.Tick": true, "time.NewTimer": true, "time.NewTicker": true,
}

// resolve tells what each identifier of one package stands for. Imports are not
// followed: what another package declares is not asked here.
func resolve(fset *token.FileSet, files []*ast.File) map[*ast.Ident]types.Object {
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	conf := types.Config{
		Importer: noImports{},
		Error:    func(error) {}, // every use of an import is one
	}
	_, _ = conf.Check("p", fset, files, info)
	return info.Uses
}

type noImports struct{}

func (noImports) Import(string) (*types.Package, error) { return nil, errors.New("not followed") }

// findValueless finds `var x T` at package level, unless a go:embed comment
// gives x its value.
func findValueless(f *ast.File, found map[token.Pos]string) {
	for _, decl := range f.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.VAR || embedded(gen.Doc) {
			continue
		}
		for _, spec := range gen.Specs {
			spec := spec.(*ast.ValueSpec)
			a, ok := spec.Type.(*ast.ArrayType)
			array := ok && a.Len != nil // without a length it is a slice
			if len(spec.Values) == 0 && !array && !embedded(spec.Doc) {
				found[spec.Pos()] = "package-level variable without a value: keep state in a value that is handed on"
			}
		}
	}
}

func embedded(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool {
		return strings.HasPrefix(c.Text, "//go:embed ")
	})
}

// findAssigned finds an assignment whose left side starts at a package-level
// variable: x, x.f, x[i] and *x alike.
func findAssigned(left ast.Expr, uses map[*ast.Ident]types.Object, found map[token.Pos]string) {
	for {
		switch l := left.(type) {
		case *ast.ParenExpr:
			left = l.X
		case *ast.StarExpr:
			left = l.X
		case *ast.SelectorExpr:
			left = l.X
		case *ast.IndexExpr:
			left = l.X
		case *ast.Ident:
			v, ok := uses[l].(*types.Var)
			if ok && v.Parent() == v.Pkg().Scope() {
				found[l.Pos()] = "package-level variable " + l.Name + " is assigned to: keep state in a value that is handed on"
			}
			return
		default:
			return
		}
	}
}

// importedName is "path.Name" where sel is a name of an imported package.
func importedName(sel *ast.SelectorExpr, uses map[*ast.Ident]types.Object) string {
	id, ok := sel.X.(*ast.Ident)
	if !ok {
		return ""
	}
	name, ok := uses[id].(*types.PkgName)
	if !ok {
		return ""
	}
	return name.Imported().Path() + "." + sel.Sel.Name
}

func TestHabitsBite(t *testing.T) {
	for _, c := range []struct{ name, code, want string }{
		{"no value", "var cache map[string]int", "without a value"},
		{"no value in a block", "var (\n\ta = 1\n\tb int\n)", "without a value"},
		{"assigned", "var n = 1\nfunc f() { n = 2 }", "variable n is assigned to"},
		{"counted", "var n = 1\nfunc f() { n++ }", "variable n is assigned to"},
		{"slice", "var queue []int", "without a value"},
		{"array element", "var a [8]int\nfunc f() { a[1] = 2 }", "variable a is assigned to"},
		{"element", "var m = map[int]int{}\nfunc f() { m[1] = 2 }", "variable m is assigned to"},
		{"field", "type s struct{ x int }\nvar v = &s{}\nfunc f() { v.x = 2 }", "variable v is assigned to"},
		{"pointed to", "var p = new(int)\nfunc f() { (*p) = 2 }", "variable p is assigned to"},
		{"goroutine", "func f() { go f() }", "a goroutine in wire"},
		{"clock", "import \"time\"\nfunc f() time.Time { return time.Now() }", "time.Now in wire"},
		{"renamed clock", "import c \"time\"\nfunc f() { c.Sleep(1) }", "time.Sleep in wire"},

		{"table", "var names = map[int]string{1: \"one\"}\nfunc f() string { return names[1] }", ""},
		{"assertion", "type s struct{}\nvar _ interface{} = s{}", ""},
		{"embedded", "import _ \"embed\"\n//go:embed page.html\nvar page string", ""},
		{"zeros", "var zeros [8]byte\nfunc f() byte { return zeros[1] }", ""},
		{"shadowed", "var n = 1\nfunc f() { n := 2; n++ }", ""},
		{"duration", "import \"time\"\nfunc f() time.Duration { return time.Second }", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, "made.go", "package p\n"+c.code, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			got := checkFiles(fset, []*ast.File{f}, true)
			switch {
			case c.want == "" && len(got) != 0:
				t.Errorf("findings %q, want none", got)
			case c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)):
				t.Errorf("findings %q, want one with %q", got, c.want)
			}
		})
	}
}
