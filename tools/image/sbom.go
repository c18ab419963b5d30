package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// rootsModule is where rootsPEM comes from.
const rootsModule = "golang.org/x/crypto/x509roots/fallback"

// sbom lists what is in the image, as the programs themselves say it (`go version
// -m`): Go's modules and the Go release, whose library is linked in as well.
func (w *wanted) sbom() ([]byte, error) {
	found := map[string]cdx.Component{}
	add := func(c cdx.Component) { found[c.BOMRef] = c }
	for _, p := range w.programs {
		info, err := buildinfo.Read(bytes.NewReader(p.content))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.file, err)
		}
		sum := sha256.Sum256(p.content)
		add(cdx.Component{
			Type: cdx.ComponentTypeFile, BOMRef: p.platform.String() + "/" + p.file, Name: "/" + p.file,
			Description: "program for " + p.platform.String(),
			Hashes:      &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(sum[:])}},
		})
		add(moduleComponent(&debug.Module{Path: "stdlib", Version: strings.TrimPrefix(info.GoVersion, "go")}))
		for _, dep := range info.Deps {
			if dep.Replace != nil {
				dep = dep.Replace
			}
			add(moduleComponent(dep))
		}
	}
	if w.roots != nil {
		if self, ok := debug.ReadBuildInfo(); ok {
			for _, dep := range self.Deps {
				if dep.Path == rootsModule {
					c := moduleComponent(dep)
					c.Type, c.Description = cdx.ComponentTypeData, rootsPath
					add(c)
				}
			}
		}
	}
	components := make([]cdx.Component, 0, len(found))
	for _, c := range found {
		components = append(components, c)
	}
	slices.SortFunc(components, func(a, b cdx.Component) int { return cmp.Compare(a.BOMRef, b.BOMRef) })

	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{
		Timestamp: w.created.Format(time.RFC3339),
		Component: &cdx.Component{
			Type: cdx.ComponentTypeContainer, BOMRef: w.name, Name: w.name, Version: w.version, Description: w.title,
			Licenses: &cdx.Licenses{{License: &cdx.License{ID: "Apache-2.0"}}},
		},
	}
	bom.Components = &components
	var b bytes.Buffer
	// 1.6 is what scanners read that are not of this year.
	err := cdx.NewBOMEncoder(&b, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).
		EncodeVersion(bom, cdx.SpecVersion1_6)
	return b.Bytes(), err
}

func moduleComponent(m *debug.Module) cdx.Component {
	url := "pkg:golang/" + m.Path + "@" + m.Version
	c := cdx.Component{
		Type: cdx.ComponentTypeLibrary, BOMRef: url, PackageURL: url, Name: m.Path, Version: m.Version,
		Scope: cdx.ScopeRequired,
	}
	// go.sum's h1 is a SHA-256 over the module's files and their names.
	if sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:")); err == nil && len(sum) == sha256.Size {
		c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(sum)}}
	}
	return c
}
