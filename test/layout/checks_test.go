package layout_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestLayout(t *testing.T) {
	pkgs := list(t, "./...")
	if len(pkgs) == 0 {
		t.Fatal("go list found no package: the rules were held against nothing")
	}
	for _, finding := range slices.Concat(
		checkImports(pkgs, importRules),
		checkBans(pkgs, bans),
		checkNames(pkgs),
	) {
		t.Error(finding)
	}
}

// checkImports holds each of our packages, tests included, against the longest
// row that matches it.
func checkImports(pkgs []*pkg, rules []importRule) (findings []string) {
	matched := map[string]bool{}
	for _, p := range pkgs {
		rule, ok := ruleFor(p.folder(), rules)
		if !ok {
			findings = append(findings, fmt.Sprintf(
				"%s: no row of importRules says what it may import; add one, with its reason", p.folder()))
			continue
		}
		matched[rule.folder] = true
		for _, imported := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if !ours(imported) || rule.allows(p.folder(), folderOf(imported)) {
				continue
			}
			findings = append(findings, fmt.Sprintf(
				"%s imports %s: %s", p.folder(), folderOf(imported), rule.because))
		}
	}
	for _, rule := range rules {
		if !matched[rule.folder] {
			findings = append(findings, fmt.Sprintf("importRules has a row for %s, where no package is", rule.folder))
		}
	}
	return findings
}

func ruleFor(folder string, rules []importRule) (best importRule, ok bool) {
	for _, rule := range rules {
		if under(folder, rule.folder) && (!ok || len(rule.folder) > len(best.folder)) {
			best, ok = rule, true
		}
	}
	return best, ok
}

func (r importRule) allows(importer, imported string) bool {
	return under(imported, importer) ||
		slices.ContainsFunc(r.may, func(folder string) bool { return under(imported, folder) })
}

func checkBans(pkgs []*pkg, bans []ban) (findings []string) {
	for _, p := range pkgs {
		for _, b := range bans {
			if !under(p.folder(), b.folder) {
				continue
			}
			has, verb := p.Imports, "imports"
			if b.linked {
				has, verb = p.Deps, "links"
			}
			for _, path := range has {
				beneath := func(folder string) bool { return under(path, folder) }
				if slices.ContainsFunc(b.of, beneath) && !slices.ContainsFunc(b.but, beneath) {
					findings = append(findings, fmt.Sprintf("%s %s %s: %s", p.folder(), verb, path, b.because))
				}
			}
		}
	}
	return findings
}

func checkNames(pkgs []*pkg) (findings []string) {
	for _, p := range pkgs {
		for _, name := range append(strings.Split(p.folder(), "/"), strings.TrimSuffix(p.Name, "_test")) {
			if slices.Contains(vagueNames, name) {
				findings = append(findings, fmt.Sprintf(
					"%s: %q does not say what the package holds", p.folder(), name))
				break
			}
		}
	}
	return findings
}
