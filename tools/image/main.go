// Image writes programs as a container image, without a container engine:
//
//	image -o bin/wayside-agent.tar -name wayside-agent:dev -roots linux/amd64=bin/a/wayside-agent linux/arm64=…
//
//	programs ─► layer, one a platform ─► config ─► image index ─► archive: OCI layout + docker's manifest.json
//	                                                         └──► SBOM (CycloneDX)
//
// The archive is what `ctr images import`, `docker load`, `podman load` and `kind
// load image-archive` take. The same programs and flags give the same bytes:
// every time in it is -created, every owner 0, and nothing is in map order.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	var w wanted
	output := flags.String("o", "", "`file` of the archive; the SBOM is beside it, with .cdx.json in place of .tar")
	created := flags.Int64("created", 0, "`seconds` since 1970 that are every time in the image")
	most := flags.Int("max", 0, "`bytes` that an image for one platform may have, unpacked; 0 is any number")
	roots := flags.Bool("roots", false, "add the authorities that Mozilla trusts, as "+rootsPath)
	flags.StringVar(&w.name, "name", "", "`name:tag` that the archive gives the image")
	flags.StringVar(&w.title, "title", "", "what the image is, in one `line`")
	flags.StringVar(&w.version, "version", "", "`version` of what is in it")
	flags.StringVar(&w.revision, "revision", "", "`commit` that it was built from")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *output == "" || w.name == "" || flags.NArg() == 0 {
		return errors.New("-o, -name and at least one linux/ARCH=FILE are needed; see -help")
	}
	w.created = time.Unix(*created, 0).UTC()
	for _, arg := range flags.Args() {
		p, err := parseProgram(arg)
		if err != nil {
			return err
		}
		w.programs = append(w.programs, p)
	}
	if *roots {
		w.roots = rootsPEM()
	}

	for _, p := range w.programs {
		if size := len(p.content) + len(w.roots); *most > 0 && size > *most {
			return fmt.Errorf("the image for %s would have %d bytes, and may have %d", p.platform.String(), size, *most)
		}
	}

	bom, err := w.sbom()
	if err != nil {
		return err
	}
	archive, err := w.archive()
	if err != nil {
		return err
	}
	if err := os.WriteFile(strings.TrimSuffix(*output, ".tar")+".cdx.json", bom, 0o644); err != nil {
		return err
	}
	return os.WriteFile(*output, archive, 0o644)
}

// wanted is an image to be written.
type wanted struct {
	name, title       string
	version, revision string
	created           time.Time
	programs          []program // one a platform; the first is what an engine without platforms gets
	roots             []byte    // PEM; nil without
}

// A program is the file that an image has for one platform.
type program struct {
	platform v1.Platform
	file     string // whose base name is the program's, at / in the image
	content  []byte
}

func parseProgram(arg string) (program, error) {
	platform, file, ok := strings.Cut(arg, "=")
	if !ok {
		return program{}, fmt.Errorf("%q has to be linux/ARCH=FILE", arg)
	}
	parsed, err := v1.ParsePlatform(platform)
	if err != nil || parsed.OS != "linux" || parsed.Architecture == "" {
		return program{}, fmt.Errorf("platform %q has to be linux/ARCH, as in linux/arm64", platform)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return program{}, err
	}
	return program{platform: *parsed, file: filepath.Base(file), content: content}, nil
}
