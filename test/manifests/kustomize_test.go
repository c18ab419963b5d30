package manifests

import (
	"os"
	"path/filepath"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// deploy is the folder of everything that is tested here.
const deploy = "../../deploy"

// kustomize is `kustomize build DIR`, without plugins and without the network.
func kustomize(t *testing.T, dir string) *rendered {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	out, err := resources.AsYaml()
	if err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	return decode(t, dir, out)
}

// kustomizations are the folders that people apply, and our own ones of several
// components together.
func kustomizations(t *testing.T) []string {
	t.Helper()
	var dirs []string
	for _, pattern := range []string{deploy + "/kubernetes/*/kustomization.yaml", "overlays/*/kustomization.yaml"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 0 {
			t.Fatalf("nothing is at %s", pattern)
		}
		for _, file := range found {
			dirs = append(dirs, filepath.Dir(file))
		}
	}
	return dirs
}

// Each component is in an overlay, where it is checked.
func TestEveryComponentIsTried(t *testing.T) {
	components, err := filepath.Glob(deploy + "/kubernetes/components/*/kustomization.yaml")
	if err != nil || len(components) == 0 {
		t.Fatalf("no components were found: %v", err)
	}
	for _, file := range components {
		name := filepath.Base(filepath.Dir(file))
		if _, err := os.Stat(filepath.Join("overlays", name, "kustomization.yaml")); err != nil {
			t.Errorf("component %s is in no overlay of its own: %v", name, err)
		}
	}
}
