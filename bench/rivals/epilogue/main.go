// Command epilogue is the function with this project's packages, as the README has it.
package main

import (
	"github.com/epilogue-go/epilogue/bench/epilogue"
	"github.com/epilogue-go/epilogue/bench/spans"
)

func main() { epilogue.Run(spans.Children) }
