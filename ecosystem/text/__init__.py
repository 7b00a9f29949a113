"""Text: files of human writing, tokenizers, n-gram counting and what is measured on texts."""
