package apiserver

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
)

// pageSize is how many objects are asked for at once, as kubectl does.
const pageSize = 500

// Get reads one object.
func Get[T any](ctx context.Context, c *Client, r Ref) (*T, error) {
	body, err := c.ask(ctx, r, nil)
	if err != nil {
		return nil, err
	}
	object := new(T)
	if err := json.Unmarshal(body, object); err != nil {
		return nil, fmt.Errorf("%s: %w", r, err)
	}
	return object, nil
}

// Select narrows a list; empty is everything.
type Select struct {
	Labels string // "app=web,tier!=db"
	Fields string // "spec.nodeName=node-1"
}

// List reads all objects of a kind, in pages.
func List[T any](ctx context.Context, c *Client, r Ref, s Select) ([]*T, error) {
	query := url.Values{"limit": {strconv.Itoa(pageSize)}}
	if s.Labels != "" {
		query.Set("labelSelector", s.Labels)
	}
	if s.Fields != "" {
		query.Set("fieldSelector", s.Fields)
	}
	var all []*T
	for {
		body, err := c.ask(ctx, r, query)
		if err != nil {
			return nil, err
		}
		var page struct {
			Metadata struct {
				Continue string `json:"continue"`
			} `json:"metadata"`
			Items []*T `json:"items"`
		}
		if err := json.Unmarshal(body, &page); err != nil {
			return nil, fmt.Errorf("%s: %w", r, err)
		}
		all = append(all, page.Items...)
		if page.Metadata.Continue == "" {
			return all, nil
		}
		query.Set("continue", page.Metadata.Continue)
	}
}

// Version is the API server's, major and minor: 1, 36.
func (c *Client) Version(ctx context.Context) (major, minor int, err error) {
	body, err := c.askPath(ctx, "/version")
	if err != nil {
		return 0, 0, err
	}
	var v struct{ Major, Minor string }
	if err := json.Unmarshal(body, &v); err != nil {
		return 0, 0, fmt.Errorf("version: %w", err)
	}
	// Some providers write "34+".
	if _, err := fmt.Sscanf(v.Major+" "+v.Minor, "%d %d", &major, &minor); err != nil {
		return 0, 0, fmt.Errorf("version %q.%q: %w", v.Major, v.Minor, err)
	}
	return major, minor, nil
}
