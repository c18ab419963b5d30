// Package programs has the programs that a cluster is made of, built from their
// Go modules, once: what is built stays in the user's cache folder, under a name
// that changes with its sources, version and flags.
//
//	UserCacheDir/wayside/cluster/kubernetes-v1.37.2-0123456789ab/kubelet
//
// A first build of all takes some 15 minutes on two cores, and the module proxy.
package programs

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// A Set is programs that are built together.
type Set struct {
	Name string // of the folder with their go.mod, below build
	// versioned is the required module whose version they have.
	versioned string
	flags     []string // for go build; VERSION stands for the version
	// builds has packages to build, by the name of what comes out.
	builds map[string]string
	links  []string // names that the one program can be called by
}

const versionFlags = "-X k8s.io/component-base/version.gitVersion=VERSION -X k8s.io/client-go/pkg/version.gitVersion=VERSION"

// The sets.
var (
	// Kubernetes is all of it, and kubectl.
	Kubernetes = Set{
		Name: "kubernetes", versioned: "k8s.io/kubernetes",
		flags:  []string{"-ldflags", "-s -w " + versionFlags},
		builds: map[string]string{"kubernetes": "."},
		links:  []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl"},
	}
	// Oldest is the API server of the oldest Kubernetes that Wayside is for.
	// providerless leaves out the clouds, whose module is not to be had any more.
	Oldest = Set{
		Name: "oldest", versioned: "k8s.io/kubernetes",
		flags:  []string{"-tags", "providerless", "-ldflags", "-s -w " + versionFlags},
		builds: map[string]string{"kube-apiserver": "."},
	}
	// Etcd is its server.
	Etcd = Set{
		Name: "etcd", versioned: "go.etcd.io/etcd/server/v3",
		flags:  []string{"-ldflags", "-s -w"},
		builds: map[string]string{"etcd": "go.etcd.io/etcd/server/v3"},
	}
	// Containerd is what runs pods, by Debian's runc.
	Containerd = Set{
		Name: "containerd", versioned: "github.com/containerd/containerd/v2",
		flags: []string{"-tags", "no_btrfs no_zfs no_devmapper", "-ldflags", "-s -w"},
		builds: map[string]string{
			"containerd":              "github.com/containerd/containerd/v2/cmd/containerd",
			"containerd-shim-runc-v2": "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
			"ctr":                     "github.com/containerd/containerd/v2/cmd/ctr",
		},
	}
	// DNS is CoreDNS, which answers pods.
	DNS = Set{
		Name: "dns", versioned: "github.com/coredns/coredns",
		flags:  []string{"-ldflags", "-s -w"},
		builds: map[string]string{"coredns": "."},
	}
)

// Cache is the folder for what is built, and for the cluster that runs.
func Cache() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("cluster: %w", err)
	}
	return filepath.Join(cache, "wayside", "cluster"), nil
}

// Build builds sets, where that has not been done yet, and returns the folder of
// each set's programs. root is the folder test/cluster.
func Build(ctx context.Context, root string, sets ...Set) ([]string, error) {
	folders := make([]string, 0, len(sets))
	for _, s := range sets {
		folder, err := s.build(ctx, filepath.Join(root, "build", s.Name))
		if err != nil {
			return nil, fmt.Errorf("cluster: building %s: %w", s.Name, err)
		}
		folders = append(folders, folder)
	}
	return folders, nil
}

func (s Set) build(ctx context.Context, module string) (string, error) {
	version, hash, err := s.identity(module)
	if err != nil {
		return "", err
	}
	cache, err := Cache()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(cache, s.Name+"-"+version+"-"+hash)
	if _, err := os.Stat(folder); err == nil {
		return folder, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(folder + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(folder); err == nil {
		return folder, nil // somebody else built it meanwhile
	}
	fmt.Fprintf(os.Stderr, "building %s %s (once; it takes some minutes) ...\n", s.Name, version)
	fresh, err := os.MkdirTemp(cache, "fresh-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(fresh)
	for name, pkg := range s.builds {
		args := []string{"-n", "5", "go", "build", "-trimpath", "-buildvcs=false", "-o", filepath.Join(fresh, name)}
		for _, f := range s.flags {
			args = append(args, strings.ReplaceAll(f, "VERSION", version))
		}
		cmd := exec.CommandContext(ctx, "nice", append(args, pkg)...)
		cmd.Dir = module
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		if err := cmd.Run(); err != nil {
			return "", err
		}
		for _, link := range s.links {
			if err := os.Symlink(name, filepath.Join(fresh, link)); err != nil {
				return "", err
			}
		}
	}
	if err := os.Chmod(fresh, 0o755); err != nil {
		return "", err
	}
	return folder, os.Rename(fresh, folder)
}

// identity is the version that the set's go.mod asks for, and a hash of all that
// decides what comes out.
func (s Set) identity(module string) (version, hash string, err error) {
	h := sha256.New()
	fmt.Fprintln(h, s, runtime.Version(), runtime.GOARCH)
	err = filepath.WalkDir(module, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%s %x\n", d.Name(), sha256.Sum256(b))
		if d.Name() == "go.mod" {
			for line := range strings.Lines(string(b)) {
				if f := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require ")); len(f) >= 2 && f[0] == s.versioned {
					version = f[1]
				}
			}
		}
		return nil
	})
	if err == nil && version == "" {
		err = fmt.Errorf("%s/go.mod does not require %s", module, s.versioned)
	}
	return version, fmt.Sprintf("%x", h.Sum(nil))[:12], err
}

// lock waits for the lock that is a file.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return func() { os.Remove(path); f.Close() }, nil
}
