"""The kinds of columns, as operations of torch and ONNX."""
