// SPDX-License-Identifier: Apache-2.0

// go micro's registry.Node through Go's own JSON. "registry_node write" prints what the encoder
// makes of some nodes, one a line; "registry_node" reads nodes, one a line, and prints each as the
// decoder understood it, or "failed REASON".
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

type Node struct {
	Id       string            `json:"id"`
	Address  string            `json:"address"`
	Port     int               `json:"port"`
	Metadata map[string]string `json:"metadata"`
}

// Fields that are not set are not written.
type sparse struct {
	Id       string            `json:"id,omitempty"`
	Address  string            `json:"address,omitempty"`
	Port     int               `json:"port,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

// test_json.c has the same in C.
var nodes = []interface{}{
	Node{"web-1", "10.0.0.1", 8080, map[string]string{"zone": "b", "rack": "7"}},
	Node{},
	Node{"", "", 65535, map[string]string{}},
	Node{"n\u00e4m-\u65e5\u672c-\U0001f600", "::1", 1, map[string]string{"\u043a": "\u2028\u00df"}},
	Node{"<a&b>", "\"\\/", 2, map[string]string{"\n\t\x01": "\x7f", "": ""}},
	Node{"\xff\xfe", "", 3, nil},
	sparse{Id: "only"},
	sparse{Port: 4},
	sparse{Metadata: map[string]string{"k": "v"}},
}

func main() {
	out := json.NewEncoder(os.Stdout)
	if len(os.Args) > 1 {
		for _, node := range nodes {
			out.Encode(node)
		}
		return
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var node Node
		decoder := json.NewDecoder(bytes.NewReader(in.Bytes()))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&node); err != nil {
			fmt.Println("failed", err)
			continue
		}
		out.Encode(node)
	}
}
