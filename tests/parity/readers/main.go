// Command readers answers how Helm and Terraform read a values file, with the very libraries that they use.
//
// One JSON request per line on stdin, one JSON answer per line on stdout.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	ctyyaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/cli/values"
)

// request names the files of a `helm -f` command line, and the chart's own values; "" is a chart without any.
type request struct {
	Files    []string `json:"files"`
	Defaults string   `json:"defaults"`
}

// answer is what each reader made of the request. Terraform reads the first file only: yamldecode merges nothing.
type answer struct {
	Helm           any    `json:"helm"`
	HelmError      string `json:"helmError"`
	Terraform      any    `json:"terraform"`
	TerraformError string `json:"terraformError"`
}

func helm(r request) (any, error) {
	merged, err := (&values.Options{ValueFiles: r.Files}).MergeValues(nil)
	if err != nil {
		return nil, err
	}
	parent := &chart.Chart{Metadata: &chart.Metadata{Name: "qhub"}}
	if r.Defaults != "" {
		if parent.Values, err = chartutil.ReadValuesFile(r.Defaults); err != nil {
			return nil, err
		}
	}
	coalesced, err := chartutil.CoalesceValues(parent, merged)
	return map[string]any(coalesced), err
}

func terraform(path string) (any, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	value, err := ctyyaml.YAMLDecodeFunc.Call([]cty.Value{cty.StringVal(string(text))})
	if err != nil {
		return nil, err
	}
	written, err := ctyjson.Marshal(value, value.Type())
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(written))
	decoder.UseNumber() // float64 would hide that Terraform keeps integers beyond 2^53 exactly
	var out any
	err = decoder.Decode(&out)
	return out, err
}

func reply(r request) (a answer) {
	// go-yaml panics on some broken documents; for the comparison that is a refusal like any other.
	defer func() {
		if problem := recover(); problem != nil {
			a.HelmError = fmt.Sprint("panic: ", problem)
		}
	}()
	var err error
	if a.Helm, err = helm(r); err != nil {
		a.HelmError = err.Error()
	}
	if len(r.Files) > 0 {
		written, err := terraform(r.Files[0])
		a.Terraform = written
		if err != nil {
			a.TerraformError = err.Error()
		}
	}
	return a
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		if err := out.Encode(reply(r)); err != nil {
			os.Exit(2)
		}
	}
}
