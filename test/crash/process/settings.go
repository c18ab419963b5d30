package process

import (
	"encoding/json"
	"maps"
	"strings"
)

// Settings are keys of the agent's configuration, in their dotted form.
type Settings map[string]any

// defaults listen on loopback, on ports that the system chooses, and send soon:
// a test is not patient.
func defaults() Settings {
	return Settings{
		"accept.jaeger.compact": "127.0.0.1:0",
		"accept.jaeger.binary":  "",
		"accept.otlp.grpc":      "127.0.0.1:0",
		"accept.otlp.http":      "",
		"admin.http":            "127.0.0.1:0",
		"control.http":          "",
		"log.format":            "json",
		"deliver.batch.age":     "50ms",
		"deliver.compression":   "none",
		"drain_timeout":         "20s",
	}
}

// text is the configuration as a file has it. JSON is YAML.
func (s Settings) text() ([]byte, error) {
	all := defaults()
	maps.Copy(all, s)
	root := map[string]any{}
	for key, value := range all {
		at := root
		path := strings.Split(key, ".")
		for _, name := range path[:len(path)-1] {
			below, ok := at[name].(map[string]any)
			if !ok {
				below = map[string]any{}
				at[name] = below
			}
			at = below
		}
		at[path[len(path)-1]] = value
	}
	return json.MarshalIndent(root, "", " ")
}
