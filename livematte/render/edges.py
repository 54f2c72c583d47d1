"""From the network's matte to the frame's alpha, and the person's colours where it is soft."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.bayesian import POINTS_AT_ONCE, ColourModel, Pixels
from livematte.frame import Image, Size

class SoftPixels(NamedTuple):
    """Every pixel of a frame whose alpha may be neither 0 nor 255.

    index: int64 (n,), counted row by row. alpha: uint8 (n,). colours: uint8 BGR (n, 3), the
        person's.
    """

    index: NDArray[np.int64]
    alpha: Image
    colours: Image


class Edges:
    def __init__(self, size: Size, *, edges: bool, colours: bool) -> None:
        self._size = size
        self._edges, self._colours = edges, colours
        self._model = None
        self._small_alpha = None
        self._pixels = Pixels()
        shape=(size.height,size.width)
        self._less = np.empty(shape, np.uint8)
        self._soft = np.empty(shape, bool)

    def find(self, matte, pixels: Image, image: Image, alpha: Image) -> SoftPixels:
        size=Size.of(matte)
        if self._model is None or self._model.size != size:
            self._model=ColourModel(size); self._small_alpha=np.empty(matte.shape,np.uint8)
        cv2.convertScaleAbs(matte, dst=self._small_alpha, alpha=255)
        cv2.resize(self._small_alpha, self._size, dst=alpha)
        np.subtract(alpha, 1, out=self._less)
        np.less(self._less, 254, out=self._soft)
        index = np.flatnonzero(self._soft)
        n=len(index)
        flat=alpha.reshape(-1); V=image.reshape(-1,3).view("V3")[:,0]
        out_a=np.take(flat,index,mode="clip"); out_c=np.empty((n,3),np.uint8)
        np.take(V,index,out=out_c.view("V3")[:,0],mode="clip")
        if self._model.fit(matte,pixels):
            for start in range(0,n,POINTS_AT_ONCE):
                part=slice(start,start+POINTS_AT_ONCE)
                a=self._pixels.alpha(self._model,self._size,index[part],out_c[part])
                if self._edges: out_a[part]=cv2.convertScaleAbs(a,alpha=255).reshape(-1)
                if self._colours: out_c[part]=self._pixels.colours(out_a[part])
            flat[index]=out_a
        return SoftPixels(index,out_a,out_c)
