package main

import "testing"

func TestTokenIsTheLastPartOfTheURL(t *testing.T) {
	for postBackURL, want := range map[string]string{
		"https://example.com":             "https://example.com/a%2Fb",
		"https://example.com/":            "https://example.com/a%2Fb",
		"https://example.com/post-backs":  "https://example.com/post-backs/a%2Fb",
		"https://example.com/post-backs/": "https://example.com/post-backs/a%2Fb",
	} {
		if got := withToken(postBackURL, "a/b"); got != want {
			t.Errorf("%s becomes %s", postBackURL, got)
		}
	}
}
