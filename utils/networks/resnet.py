"""In goes a number of classes, out comes a ResNet-18, in its form for small or for large images.

He et al. 2016, "Deep Residual Learning for Image Recognition".
"""

import torch
from torch import nn
from torchvision.models import resnet18


def cifar_resnet18(classes: int, seed: int = 0) -> nn.Module:
    """ResNet-18 with the CIFAR stem, for small images (B, 3, H, W), giving logits (B, classes).

    torchvision's network, with a 3x3 convolution of stride 1 and no max-pool in place of the
    ImageNet stem, and with PyTorch's own initialisation of convolutions, as the reference has it:
    behind a batch norm, the smaller the weights, the larger the step that a learning rate makes
    (van Laarhoven 2017). The weights depend on `seed` alone.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = resnet18(num_classes=classes)
        model.conv1 = nn.Conv2d(3, 64, kernel_size=3, stride=1, padding=1, bias=False)
        model.maxpool = nn.Identity()
        _initialise(model)
    return model


def imagenet_resnet18(classes: int, seed: int = 0) -> nn.Module:
    """ResNet-18 in its first form, for images from 64 pixels on, with the same initialisation."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = resnet18(num_classes=classes)
        _initialise(model)
    return model


def _initialise(model):
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            # torchvision's has six times the variance: learns more slowly
            module.reset_parameters()
