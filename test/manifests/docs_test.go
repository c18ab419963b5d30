package manifests

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/wayside-tracing/wayside/kube/api/v1alpha1"
	"github.com/wayside-tracing/wayside/kube/render"
)

var fenced = regexp.MustCompile("(?s)\n *```yaml\n(.*?)\n *```")

// examples are the YAML blocks of all pages, by page.
func examples(t *testing.T) map[string][]string {
	t.Helper()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages were found: %v", err)
	}
	blocks := map[string][]string{}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range fenced.FindAllStringSubmatch(string(text), -1) {
			blocks[page] = append(blocks[page], outdent(block[1]))
		}
	}
	return blocks
}

// outdent takes away what all of a block is indented by, in a list.
func outdent(block string) string {
	indent := len(block) - len(strings.TrimLeft(block, " "))
	return strings.ReplaceAll("\n"+block, "\n"+strings.Repeat(" ", indent), "\n")[1:]
}

// What people are told to write for the operator is what the operator takes.
func TestTraceAgentsInDocs(t *testing.T) {
	found := 0
	for page, blocks := range examples(t) {
		for _, block := range blocks {
			if !strings.Contains(block, "kind: TraceAgent") {
				continue
			}
			found++
			ta := new(v1alpha1.TraceAgent)
			if err := yaml.UnmarshalStrict([]byte(block), ta); err != nil {
				t.Errorf("%s: %v in\n%s", page, err, block)
				continue
			}
			if _, errs := render.Config(ta); len(errs) > 0 {
				t.Errorf("%s: %v in\n%s", page, errs.ToAggregate(), block)
			}
		}
	}
	if found < 3 {
		t.Errorf("%d TraceAgents were found in the docs, want at least 3", found)
	}
}

// The overlays in docs/kubernetes.md can be built, and say what they seem to.
func TestOverlaysInDocs(t *testing.T) {
	found := 0
	for _, block := range examples(t)["../../docs/kubernetes.md"] {
		if !strings.HasPrefix(block, "# kustomization.yaml") {
			continue
		}
		found++
		dir := t.TempDir()
		root, err := filepath.Abs("../..")
		if err != nil {
			t.Fatal(err)
		}
		here, err := filepath.Rel(dir, root)
		if err != nil {
			t.Fatal(err)
		}
		block = strings.ReplaceAll(block, "https://github.com/wayside-tracing/wayside//", here+"/")
		block = strings.ReplaceAll(block, "?ref=main", "")
		if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(block), 0o644); err != nil {
			t.Fatal(err)
		}
		config, err := os.ReadFile(deploy + "/kubernetes/daemonset/agent.yaml")
		if err != nil {
			t.Fatal(err)
		}
		mine := strings.Replace(string(config), "collector.observability:4317", "collector.mine:4317", 1)
		if err := os.WriteFile(filepath.Join(dir, "agent.yaml"), []byte(mine), 0o644); err != nil {
			t.Fatal(err)
		}
		r := kustomize(t, dir)
		check(t, r)
		checkConfigurations(t, r)
		if strings.Contains(string(r.text), ":dev") || !strings.Contains(string(r.text), "registry.example/wayside-agent:v1") {
			t.Errorf("an image is not that of the overlay:\n%s", block)
		}
		if strings.Contains(block, "configMapGenerator") && !strings.Contains(string(r.text), "collector.mine:4317") {
			t.Errorf("the configuration is not that of the overlay:\n%s", block)
		}
	}
	if found != 2 {
		t.Errorf("%d overlays were found in docs/kubernetes.md, want 2", found)
	}
}
