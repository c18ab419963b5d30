package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// user is who an image runs as where nobody says otherwise. Any other does, too:
// nothing in an image has an owner that matters. It is a number, since Kubernetes
// can't tell from a name that it is not root (runAsNonRoot).
const user = "10001:10001"

// archive is the image for all platforms in one tar, of two formats at once:
//
//	oci-layout, index.json    containerd, podman, newer Docker: all platforms
//	manifest.json             older Docker: the first platform by the name itself, others by name-ARCH
//	blobs/sha256/…            for both
func (w *wanted) archive() ([]byte, error) {
	dir, err := os.MkdirTemp("", "image")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)

	var platforms []mutate.IndexAddendum
	var docker []dockerImage
	for i, p := range w.programs {
		img, err := w.image(p)
		if err != nil {
			return nil, err
		}
		platforms = append(platforms, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &p.platform}})
		name := w.name
		if i > 0 {
			name += "-" + p.platform.Architecture
		}
		entry, err := dockerEntry(name, img)
		if err != nil {
			return nil, err
		}
		docker = append(docker, entry)
	}
	all := mutate.IndexMediaType(mutate.AppendManifests(empty.Index, platforms...), types.OCIImageIndex)
	if _, err := layout.Write(dir, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{
		Add: mutate.Annotations(all, w.labels()).(v1.ImageIndex),
		Descriptor: v1.Descriptor{Annotations: map[string]string{
			"io.containerd.image.name":          "docker.io/library/" + w.name, // as Kubernetes reads a name without a registry
			"org.opencontainers.image.ref.name": w.name[strings.LastIndex(w.name, ":")+1:],
		}},
	})); err != nil {
		return nil, err
	}
	manifest, err := json.Marshal(docker)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), manifest, 0o644); err != nil {
		return nil, err
	}
	return tarOf(dir, w.created)
}

// image is that for one platform: a layer with the program, and with the roots.
func (w *wanted) image(p program) (v1.Image, error) {
	files := []file{{path: "/" + p.file, mode: 0o755, content: p.content}}
	if w.roots != nil {
		files = append(files, file{path: rootsPath, mode: 0o644, content: w.roots})
	}
	content, err := layerOf(files, w.created)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(opener(content), tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err = mutate.Append(img, mutate.Addendum{
		Layer:   layer,
		History: v1.History{Created: v1.Time{Time: w.created}, CreatedBy: "tools/image", Comment: w.title},
	})
	if err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Variant = p.platform.OS, p.platform.Architecture, p.platform.Variant
	config.Created = v1.Time{Time: w.created}
	config.Config = v1.Config{
		User:       user,
		Entrypoint: []string{"/" + p.file},
		WorkingDir: "/",
		Labels:     w.labels(),
	}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		return nil, err
	}
	return mutate.Annotations(img, w.labels()).(v1.Image), nil
}

// labels are OCI's own, as labels of the config and as annotations of manifests.
func (w *wanted) labels() map[string]string {
	labels := map[string]string{
		"org.opencontainers.image.created":  w.created.Format(time.RFC3339),
		"org.opencontainers.image.title":    w.name[:strings.LastIndex(w.name, ":")],
		"org.opencontainers.image.source":   "https://github.com/wayside-tracing/wayside",
		"org.opencontainers.image.licenses": "Apache-2.0",
	}
	for key, value := range map[string]string{"description": w.title, "version": w.version, "revision": w.revision} {
		if value != "" {
			labels["org.opencontainers.image."+key] = value
		}
	}
	return labels
}

// dockerImage is an entry of docker's manifest.json.
type dockerImage struct {
	Config   string
	RepoTags []string
	Layers   []string
}

func dockerEntry(name string, img v1.Image) (dockerImage, error) {
	entry := dockerImage{RepoTags: []string{name}}
	manifest, err := img.Manifest()
	if err != nil {
		return entry, err
	}
	blob := func(h v1.Hash) string { return "blobs/" + h.Algorithm + "/" + h.Hex }
	entry.Config = blob(manifest.Config.Digest)
	for _, layer := range manifest.Layers {
		entry.Layers = append(entry.Layers, blob(layer.Digest))
	}
	return entry, nil
}

// tarOf packs a directory. Those who read an archive as a stream want to know
// what it is first: files go in the order of their depth, then of their names.
func tarOf(dir string, modified time.Time) ([]byte, error) {
	var files []file
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		files = append(files, file{path: strings.TrimPrefix(path, dir), mode: 0o644, content: content})
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(files, func(a, b file) int {
		return cmp.Or(strings.Count(a.path, "/")-strings.Count(b.path, "/"), -strings.Compare(a.path, b.path))
	})
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		if err := f.write(w, modified); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil { // which writes the end
		return nil, err
	}
	return b.Bytes(), nil
}
