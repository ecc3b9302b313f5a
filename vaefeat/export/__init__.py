"""From fitted estimators to ONNX files that prove themselves before they are written."""
