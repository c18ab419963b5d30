package main

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// The program in these images is this test's own, which has build information.
func write(folder string) error {
	self, err := os.ReadFile(os.Args[0])
	if err != nil {
		return err
	}
	program := filepath.Join(folder, "wayside-agent")
	if err := os.WriteFile(program, self, 0o700); err != nil {
		return err
	}
	return run([]string{
		"-o", filepath.Join(folder, "agent.tar"), "-name", "wayside-agent:dev", "-roots", "-created", "1700000000",
		"-version", "1.2.3", "linux/amd64=" + program, "linux/arm64=" + program,
	})
}

// written is where write has written, once for all tests.
var written string

func TestMain(m *testing.M) {
	var err error
	if written, err = os.MkdirTemp("", "image"); err == nil {
		err = write(written)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	os.RemoveAll(written)
	os.Exit(status)
}

func read(t *testing.T, folder, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(folder, file))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestTheSameProgramsMakeTheSameBytes(t *testing.T) {
	again := t.TempDir()
	if err := write(again); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"agent.tar", "agent.cdx.json"} {
		if !bytes.Equal(read(t, written, file), read(t, again, file)) {
			t.Errorf("%s of the same programs differs", file)
		}
	}
}

// unpack is what containerd reads: the archive as an OCI layout.
func unpack(t *testing.T, archive []byte) string {
	t.Helper()
	dir := t.TempDir()
	r := tar.NewReader(bytes.NewReader(archive))
	for {
		header, err := r.Next()
		if err == io.EOF {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		if !header.ModTime.Equal(time.Unix(1700000000, 0)) || header.Uid != 0 || header.Gid != 0 {
			t.Errorf("%s is of %v and of user %d: it depends on who builds it", header.Name, header.ModTime, header.Uid)
		}
		file := filepath.Join(dir, header.Name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Go reads a tar that just stops, and tar(1) does not.
func TestArchivesHaveTheirEnd(t *testing.T) {
	archive := read(t, written, "agent.tar")
	layer, err := layerOf([]file{{path: "/wayside-agent", mode: 0o755, content: []byte("x")}}, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	for what, content := range map[string][]byte{"archive": archive, "layer": layer} {
		if !bytes.HasSuffix(content, make([]byte, 1024)) {
			t.Errorf("the %s does not end with a tar's two empty blocks", what)
		}
	}
}

func TestContainerdReadsIt(t *testing.T) {
	archive := read(t, written, "agent.tar")
	index, err := layout.ImageIndexFromPath(unpack(t, archive))
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	top, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(top.Manifests) != 1 {
		t.Fatalf("index.json names %d images, want 1, for all platforms", len(top.Manifests))
	}
	if got, want := top.Manifests[0].Annotations["io.containerd.image.name"], "docker.io/library/wayside-agent:dev"; got != want {
		t.Errorf("containerd calls it %q, want %q", got, want)
	}
	platforms, err := index.ImageIndex(top.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := platforms.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, desc := range manifest.Manifests {
		img, err := platforms.Image(desc.Digest)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, desc.Platform.String())
		checkImage(t, desc.Platform.String(), img)
	}
	if want := []string{"linux/amd64", "linux/arm64"}; !slices.Equal(got, want) {
		t.Errorf("platforms are %q, want %q", got, want)
	}
}

func TestOlderDockerReadsIt(t *testing.T) {
	for tag, platform := range map[string]string{
		"wayside-agent:dev":       "linux/amd64",
		"wayside-agent:dev-arm64": "linux/arm64",
	} {
		ref, err := name.NewTag(tag)
		if err != nil {
			t.Fatal(err)
		}
		img, err := tarball.ImageFromPath(filepath.Join(written, "agent.tar"), &ref)
		if err != nil {
			t.Errorf("%s: %v", tag, err)
			continue
		}
		checkImage(t, platform, img)
	}
}

func checkImage(t *testing.T, platform string, img v1.Image) {
	t.Helper()
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if got := config.Platform().String(); got != platform {
		t.Errorf("config says %s, want %s", got, platform)
	}
	if config.Config.User != "10001:10001" {
		t.Errorf("%s: user is %q: Kubernetes' runAsNonRoot wants a number that is not 0", platform, config.Config.User)
	}
	if got := config.Config.Entrypoint; !slices.Equal(got, []string{"/wayside-agent"}) {
		t.Errorf("%s: entrypoint is %q", platform, got)
	}
	if got := config.Config.Labels["org.opencontainers.image.version"]; got != "1.2.3" {
		t.Errorf("%s: version's label is %q", platform, got)
	}
	if !config.Created.Equal(time.Unix(1700000000, 0)) {
		t.Errorf("%s: created %v, want -created", platform, config.Created)
	}

	flat := mutate.Extract(img)
	defer flat.Close()
	var files []string
	for r := tar.NewReader(flat); ; {
		header, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Mode&0o022 != 0 || header.Mode&0o005 != 0o005 && header.Name != "etc/ssl/certs/ca-certificates.crt" {
			t.Errorf("%s: %s has mode %o: any user has to be able to read it, and none to write", platform, header.Name, header.Mode)
		}
		if header.Typeflag == tar.TypeReg {
			files = append(files, header.Name)
		}
	}
	slices.Sort(files)
	if want := []string{"etc/ssl/certs/ca-certificates.crt", "wayside-agent"}; !slices.Equal(files, want) {
		t.Errorf("%s holds %q, want %q", platform, files, want)
	}
}

func TestRootsAreCertificates(t *testing.T) {
	count := 0
	for rest := rootsPEM(); ; count++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if !cert.IsCA {
			t.Errorf("%s is no authority", cert.Subject)
		}
	}
	if count < 100 { // Mozilla's list had about 140 in 2024, about 110 in 2026
		t.Errorf("there are %d authorities: most are missing", count)
	}
}

func TestSBOMNamesWhatIsLinked(t *testing.T) {
	content := read(t, written, "agent.cdx.json")
	var bom struct {
		Components []struct {
			Name, Version string
			Hashes        []struct{ Content string }
		}
	}
	if err := json.Unmarshal(content, &bom); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, c := range bom.Components {
		got[c.Name]++
		if c.Name != "stdlib" && (len(c.Hashes) != 1 || len(c.Hashes[0].Content) != 64) {
			t.Errorf("%s has no SHA-256", c.Name)
		}
	}
	if got["/wayside-agent"] != 2 || got["stdlib"] != 1 || got["github.com/google/go-containerregistry"] != 1 {
		t.Errorf("the SBOM names %v: want the program twice, Go and the modules that it links", got)
	}
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-name", "a:b", "linux/amd64=x"}, "-o"},
		{[]string{"-o", "x.tar", "-name", "a:b", "linux/amd64"}, "linux/ARCH=FILE"},
		{[]string{"-o", "x.tar", "-name", "a:b", "windows/amd64=x"}, "linux/ARCH"},
		{[]string{"-o", "x.tar", "-name", "a:b", "linux/amd64=/nowhere"}, "/nowhere"},
		{[]string{"-o", "x.tar", "-name", "a:b", "-max", "1000", "linux/amd64=" + os.Args[0]}, "may have 1000"},
	} {
		if err := run(c.args); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error is %v, want one that names %s", c.args, err, c.want)
		}
	}
}
