"""Where activations lie between the harmful and the harmless cluster: PCA, UMAP, harm axis."""
