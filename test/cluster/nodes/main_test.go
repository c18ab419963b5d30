//go:build cluster

package nodes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/wayside-tracing/wayside/test/cluster"
	"github.com/wayside-tracing/wayside/test/cluster/image"
)

// nodes is how many nodes the tests are for.
const nodes = 2

// kube is the API of the cluster that all tests run in.
var kube struct {
	client.WithWatch
	raw *rest.RESTClient // for what has no type
}

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		if errors.Is(err, cluster.ErrCannot) {
			os.Exit(77)
		}
		os.Exit(1)
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Minute)
	defer cancel()
	images, err := buildImages(ctx)
	if err != nil {
		return 0, err
	}
	c, err := cluster.Find()
	if err != nil {
		if c, err = cluster.Up(ctx, cluster.Options{Nodes: nodes, For: time.Hour}); err != nil {
			return 0, err
		}
		defer func() {
			if err := c.Down(); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}()
	}
	if c.Plan.Nodes < nodes {
		return 0, fmt.Errorf("there is a cluster of %d node, and the tests are for %d: cluster down", c.Plan.Nodes, nodes)
	}
	for _, image := range images {
		if err := c.LoadImage(ctx, image); err != nil {
			return 0, err
		}
	}
	if err := connect(c.Kubeconfig); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

func connect(kubeconfig string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 200, 400
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return err
	}
	if kube.WithWatch, err = client.NewWithWatch(config, client.Options{Scheme: scheme}); err != nil {
		return err
	}
	config.NegotiatedSerializer = clientgoscheme.Codecs.WithoutConversion()
	kube.raw, err = rest.UnversionedRESTClientFor(config)
	return err
}

// buildImages builds the images that the tests' pods are made of.
func buildImages(ctx context.Context) ([]string, error) {
	root, err := cluster.Root()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "wayside-images-")
	if err != nil {
		return nil, err
	}
	apps, err := cluster.BuildImage(ctx, "apps:test", "/apps", "apps")
	if err != nil {
		return nil, err
	}
	agent := filepath.Join(folder, "wayside-agent")
	if out, err := exec.CommandContext(ctx, filepath.Join(root, "../../cmd/wayside-agent/build.sh"), agent).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the agent: %w: %s", err, out)
	}
	jaeger, err := exec.CommandContext(ctx, filepath.Join(root, "../peers/build.sh"), "jaeger-all-in-one").Output()
	if err != nil {
		return nil, fmt.Errorf("building Jaeger: %w", err)
	}
	images := []string{apps}
	for _, i := range []struct{ name, at, program string }{
		{"wayside-agent:dev", "/wayside-agent", agent},
		{"jaeger-all-in-one:test", "/jaeger", strings.TrimSpace(string(jaeger))},
	} {
		archive := filepath.Join(folder, i.at+".tar")
		if err := image.Write(archive, i.name, i.program, i.at, i.at); err != nil {
			return nil, err
		}
		images = append(images, archive)
	}
	return images, nil
}
