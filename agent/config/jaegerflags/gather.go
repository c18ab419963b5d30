package jaegerflags

import (
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/wayside-tracing/wayside/agent/config"
)

// gather finds the values that are given, and the configuration file.
func (t *translator) gather(flags map[string]string) (values map[string]given, file string) {
	environment := map[string]given{}
	for _, f := range table {
		name := Variable(f.name)
		if v := t.host.Getenv(name); v != "" {
			environment[f.name] = given{v, name}
		}
	}
	values = map[string]given{}
	for name, v := range flags {
		values[name] = given{v, "--" + name}
	}
	if values["config-file"].value == "" && !isOwn(values) && !isOwn(environment) {
		return values, "" // of the environment, nothing is meant for an agent
	}
	fill(values, environment)
	if c := values["config-file"]; c.value != "" {
		file = c.value
		fill(values, t.read(c))
	}
	return values, file
}

// fill adds what is not there yet.
func fill(values, from map[string]given) {
	for name, g := range from {
		if _, there := values[name]; !there {
			values[name] = g
		}
	}
}

// Variable is the environment variable of a flag.
func Variable(flag string) string {
	return strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(flag))
}

// read reads a configuration file of the Jaeger Agent: YAML, of which JSON is a
// part. Keys are the flags' names, nested at the dots or not, in upper or lower
// case (spf13/viper). What is no flag is ignored there, and here with a warning.
func (t *translator) read(file given) map[string]given {
	switch ext := strings.ToLower(filepath.Ext(file.value)); ext {
	case ".yaml", ".yml", ".json":
	default:
		t.fail(file, "is read as YAML or JSON, and its name says otherwise; write it so, with a name that ends in .yaml or .json")
		return nil
	}
	b, err := t.host.ReadFile(file.value)
	if err != nil {
		t.fail(file, "cannot be read: "+err.Error())
		return nil
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		t.fail(file, "is not YAML: "+strings.ReplaceAll(strings.TrimPrefix(err.Error(), "yaml: "), "\n", " "))
		return nil
	}
	values := map[string]given{}
	for _, n := range doc.Content { // one, or none in an empty file
		t.flatten(values, file.value, "", n)
	}
	return values
}

func (t *translator) flatten(values map[string]given, file, name string, n *yaml.Node) {
	g := given{n.Value, file + ": " + name}
	switch {
	case n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			below := strings.ToLower(n.Content[i].Value)
			if name != "" {
				below = name + "." + below
			}
			t.flatten(values, file, below, n.Content[i+1])
		}
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null": // "reporter:" with nothing below sets nothing
	case !slices.ContainsFunc(table, func(f flag) bool { return f.name == name }):
		t.warn(g, "it is no flag of the Jaeger Agent 1.62; the keys of this agent go into a --config file")
	case n.Kind != yaml.ScalarNode:
		t.errs = append(t.errs, &config.Error{Where: g.from, Problem: "is not one value; write one"})
	default:
		values[name] = g
	}
}
