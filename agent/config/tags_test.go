package config

import (
	"reflect"
	"strings"
	"testing"
)

func TestTags(t *testing.T) {
	c, err := loadText(`
deliver: {endpoint: c:1}
tags:
  zone: z1
  host.name: ${HOST}
  env: ${NONE:prod}
  number: 7
  literal: $${x}
  file: a-${file:/run/bad}
`)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"zone": "z1", "host.name": "collector-1", "env": "prod", "number": "7", "literal": "${x}"}
	last := ""
	for _, tag := range c.Tags {
		if v, ok := want[tag.Key]; ok && v != tag.Value || tag.Key <= last {
			t.Errorf("%+v", tag)
		}
		last = tag.Key
	}
	if len(c.Tags) != 6 {
		t.Errorf("%+v", c.Tags)
	}

	// What is shown loads as the same, and has no file's content in it.
	var yaml strings.Builder
	_ = c.Effective().WriteYAML(&yaml)
	again, err := loadText(yaml.String())
	if err != nil || !reflect.DeepEqual(again.Tags, c.Tags) {
		t.Errorf("%v, %+v from\n%s", err, again, yaml.String())
	}
	if !strings.Contains(yaml.String(), `"a-${file:/run/bad}"`) {
		t.Error(yaml.String())
	}
}

// From a flag they come in one line.
func TestTagsOfAFlag(t *testing.T) {
	c, err := loadText("deliver: {endpoint: c:1}\ntags: {x: y}", Setting{"tags", `{"a": "$${b}", "c": "${HOST}"}`, "--agent.tags"})
	if want := []Tag{{"a", "${b}", "$${b}"}, {"c", "collector-1", "collector-1"}}; err != nil || !reflect.DeepEqual(c.Tags, want) {
		t.Errorf("%v, %+v", err, c)
	}
	for value, want := range map[string]string{
		"a=b":     `--agent.tags: tags: is not names with values; write {name: value}`,
		"{":       `--agent.tags: tags: "{": is not names with values; write {name: value}`,
		"{a: []}": `--agent.tags: tags.a: "": has no value; write one in quotes, or remove it`,
	} {
		if _, err := loadText("deliver: {endpoint: c:1}", Setting{"tags", value, "--agent.tags"}); err == nil || err.Error() != want {
			t.Errorf("%s: %v", value, err)
		}
	}
}
