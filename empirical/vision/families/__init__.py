"""Families of small vision transformers that are trained here, several seeds at once.

| chapter | subject |
|---|---|
| `photographs` | crops of the photographs that other packages ship |
| `objectives` | the training objectives: supervised, contrastive, denoising |
| `batched_vit` | several seeds of one network, trained as one |
| `training` | all seeds of one objective and size, to ordinary checkpoints |
| `generation` | images made by a denoiser |
"""
