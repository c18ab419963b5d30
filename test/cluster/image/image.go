// Package image writes a container image of one program: an archive as docker
// save makes it, which ctr and docker can import.
package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
)

// user is whom a container runs as, unless its pod says otherwise.
const user = "10001:10001"

// Write writes an image, "name:tag", with a program at a path such as "/app",
// and the entrypoint, which begins with that path.
func Write(path, ref, program, at string, entrypoint ...string) error {
	b, err := os.ReadFile(program)
	if err != nil {
		return fmt.Errorf("image: %w", err)
	}
	layer, err := archive(file{at[1:], b, 0o755})
	if err != nil {
		return err
	}
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux", "created": "1970-01-01T00:00:00Z",
		"config": map[string]any{"Entrypoint": entrypoint, "User": user, "Env": []string{"PATH=/"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layer))}},
	})
	if err != nil {
		return fmt.Errorf("image: %w", err)
	}
	name := fmt.Sprintf("%x.json", sha256.Sum256(config))
	manifest, err := json.Marshal([]any{map[string]any{"Config": name, "RepoTags": []string{ref}, "Layers": []string{"layer.tar"}}})
	if err != nil {
		return fmt.Errorf("image: %w", err)
	}
	all, err := archive(file{name, config, 0o644}, file{"layer.tar", layer, 0o644}, file{"manifest.json", manifest, 0o644})
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, all, 0o644); err != nil {
		return fmt.Errorf("image: %w", err)
	}
	return nil
}

type file struct {
	name    string
	content []byte
	mode    int64
}

func archive(files ...file) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.content)), Typeflag: tar.TypeReg}); err != nil {
			return nil, fmt.Errorf("image: %w", err)
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, fmt.Errorf("image: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	return b.Bytes(), nil
}
