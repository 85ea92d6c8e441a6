"""The ResNet-18 of He et al. 2016, "Deep Residual Learning for Image Recognition", with the CIFAR stem."""

import torch
from torch import nn
from torchvision.models import resnet18

ARCHITECTURE = "resnet18-cifar"  # what weights files are marked with


def cifar_resnet18(classes: int, seed: int = 0) -> nn.Module:
    """ResNet-18 for images (B, 3, 32, 32), giving logits (B, classes); the weights depend on `seed` alone.

    torchvision's network, with a 3x3 convolution of stride 1 and no max-pool in place of the ImageNet stem, and with
    PyTorch's own initialisation of convolutions, as the reference has it: behind a batch norm, the smaller the weights,
    the larger the step that a learning rate makes (van Laarhoven 2017).
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = resnet18(num_classes=classes)
        model.conv1 = nn.Conv2d(3, 64, kernel_size=3, stride=1, padding=1, bias=False)
        model.maxpool = nn.Identity()
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                module.reset_parameters()  # torchvision starts with six times the variance, and so learns more slowly
    return model
