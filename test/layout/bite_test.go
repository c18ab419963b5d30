package layout_test

import (
	"slices"
	"strings"
	"testing"
)

// made makes one of our packages with the given imports, which are also all
// that it links.
func made(folder string, imports ...string) *pkg {
	return &pkg{
		ImportPath: module + "/" + folder,
		Name:       folder[strings.LastIndex(folder, "/")+1:],
		Imports:    imports,
		Deps:       imports,
	}
}

func ourPath(folder string) string { return module + "/" + folder }

// TestImportRulesBite breaks every row of importRules with a made-up package
// that imports one which the row leaves out.
func TestImportRulesBite(t *testing.T) {
	all := make([]string, 0, len(importRules)+1)
	for _, rule := range importRules {
		all = append(all, rule.folder)
	}
	all = append(all, "nowhere")
	for _, rule := range importRules {
		for _, other := range all {
			importer := made(rule.folder+"/made", ourPath(other))
			allowed := slices.ContainsFunc(rule.may, func(f string) bool { return under(other, f) })
			want := "" // no finding
			if !allowed {
				want = rule.folder + "/made imports " + other + ": " + rule.because
			}
			if got := strings.Join(checkImports([]*pkg{importer}, []importRule{rule}), "\n"); got != want {
				t.Errorf("%s importing %s:\n got %q\nwant %q", importer.folder(), other, got, want)
			}
		}
	}
}

func TestImportRulesBiteByName(t *testing.T) {
	for _, c := range []struct{ importer, imported string }{
		{"wire/otlp", "agent/ledger"},
		{"agent/accept", "agent/buffer"},
		{"agent/accept", "agent/deliver"},
		{"agent/buffer", "agent/accept"},
		{"agent/buffer", "agent/deliver"},
		{"agent/deliver", "agent/accept"},
		{"agent/deliver", "agent/buffer"},
		{"agent", "collector/ingest"},
		{"collector/ingest", "agent/ledger"},
		{"cmd/wayside-agent", "collector/tail"},
		{"cmd/wayside-agent", "cmd/wayside"},
	} {
		for _, p := range []*pkg{
			made(c.importer, ourPath(c.imported)),
			{ImportPath: ourPath(c.importer), TestImports: []string{ourPath(c.imported)}},
			{ImportPath: ourPath(c.importer), XTestImports: []string{ourPath(c.imported)}},
		} {
			rule, ok := ruleFor(c.importer, importRules)
			if !ok {
				t.Fatalf("no rule for %s", c.importer)
			}
			if got := checkImports([]*pkg{p}, []importRule{rule}); len(got) != 1 {
				t.Errorf("%s importing %s: findings %q, want one", c.importer, c.imported, got)
			}
		}
	}
}

func TestPackageWithoutRuleIsFound(t *testing.T) {
	got := checkImports([]*pkg{made("newcomer")}, nil)
	if len(got) != 1 || !strings.HasPrefix(got[0], "newcomer: no row") {
		t.Errorf("findings %q, want one for newcomer", got)
	}
}

func TestRuleWithoutPackageIsFound(t *testing.T) {
	got := checkImports(nil, []importRule{{folder: "gone"}})
	if len(got) != 1 || !strings.Contains(got[0], "gone") {
		t.Errorf("findings %q, want one for gone", got)
	}
}

// TestBansBite breaks every ban with every path it names and with one below it.
func TestBansBite(t *testing.T) {
	for _, b := range bans {
		for _, banned := range b.of {
			for _, path := range []string{banned, banned + "/below"} {
				p := &pkg{ImportPath: ourPath(b.folder)}
				if b.linked {
					p.Deps = []string{"fmt", path}
				} else {
					p.Imports = []string{"fmt", path}
				}
				if got := checkBans([]*pkg{p}, bans); len(got) != 1 || !strings.HasSuffix(got[0], b.because) {
					t.Errorf("%s with %s: findings %q, want one: %s", b.folder, path, got, b.because)
				}
			}
		}
	}
	harmless := made("cmd/wayside-agent", "fmt", "google.golang.org/grpcfoo", "netip")
	if got := checkBans([]*pkg{harmless, made("wire/made", "net/netip")}, bans); len(got) != 0 {
		t.Errorf("findings %q for a package that breaks nothing", got)
	}
}

func TestVagueNamesBite(t *testing.T) {
	for _, name := range vagueNames {
		for _, p := range []*pkg{
			made("agent/" + name),
			made("agent/" + name + "/below"),
			{ImportPath: ourPath("agent/clear"), Name: name},
			{ImportPath: ourPath("agent/clear"), Name: name + "_test"},
		} {
			if got := checkNames([]*pkg{p}); len(got) != 1 {
				t.Errorf("%s (package %s): findings %q, want one", p.folder(), p.Name, got)
			}
		}
	}
	if got := checkNames([]*pkg{made("agent/database")}); len(got) != 0 {
		t.Errorf("findings %q for agent/database", got)
	}
}
